"""Every exact rewrite: the same result on probes, one sentence per change, nothing else touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.fx import Node
from torch.nn.utils.parametrizations import spectral_norm

from edge_sdk.errors import ConversionError
from edge_sdk.exported import argument_of, export, operator_name
from edge_sdk.quantization import quantize
from edge_sdk_converters.rewrites import REWRITES, apply
from edge_sdk_converters.rewrites.formulas import OWN
from edge_sdk_converters.rewrites.window_formulas import is_windowed
from tests.builders.conversion_nets import picture, seeded
from tests.examples import examples

pytestmark = pytest.mark.slow

SHAPE = (1, 4, 12, 8)


class Calls(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def views(x: Tensor, up: bool = True) -> Tensor:
    if up:
        return x.view(1, 1, 2, 2, 12, 8).permute(0, 1, 4, 2, 5, 3).reshape(1, 1, 24, 16)
    return x.view(1, 4, 6, 2, 4, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 16, 6, 4)


def transposed_views(x: Tensor) -> Tensor:
    """Looks like a pixel shuffle, but rows and columns of the cells are exchanged."""
    return x.view(1, 1, 2, 2, 12, 8).permute(0, 1, 4, 3, 5, 2).reshape(1, 1, 24, 16)


def channel_views(x: Tensor) -> Tensor:
    return x.view(1, 2, 2, 12, 8).transpose(1, 2).contiguous().view(1, 4, 12, 8)


def padded_conv(amounts: tuple[int, ...], value: float = 0.0, **options: int) -> nn.Module:
    return seeded(
        lambda: nn.Sequential(nn.ConstantPad2d(amounts, value), nn.Conv2d(4, 3, 3, **options))
    )


@dataclass(frozen=True)
class Case:
    """A rewrite, a model it changes, what appears and what is gone."""

    name: str
    model: nn.Module
    gone: str
    appears: str


def attend(x: Tensor, **how: object) -> Tensor:
    """Attention whose result is viewed, which relies on its order in memory."""
    query = x.view(1, 2, 2, 12, 8)[:, 0]
    result = F.scaled_dot_product_attention(query, query * 0.5, query * 0.3, **how)
    return result.transpose(1, 2).reshape(1, 12, 16)


def masked(x: Tensor) -> Tensor:
    """A mask that is written by slices of zeros at every call."""
    mask = x.new_zeros(1, 1, 12, 8)
    mask[:, :, 2:5] += 1
    return x * mask


def write(x: Tensor, where: tuple[object, ...]) -> Tensor:
    """A copy in which a part is three times as large."""
    result = x.clone()
    result[where] = x[where] * 3
    return result


CASES = [
    Case("pixel shuffles", Calls(views), "permute", "pixel_shuffle"),
    Case("pixel shuffles", Calls(lambda x: views(x, up=False)), "permute", "pixel_unshuffle"),
    Case("channel shuffles", Calls(channel_views), "transpose", "channel_shuffle"),
    Case("pads", padded_conv((1, 1, 2, 2)), "pad", "conv2d"),
    Case("pads", padded_conv((1, 1, 1, 1), stride=2, padding=1), "pad", "conv2d"),
    Case("nearest", nn.Upsample(scale_factor=3), "upsample_nearest2d", "pixel_shuffle"),
    Case("nearest", Calls(lambda x: F.interpolate(x[:, :1], size=(24, 16))),
         "upsample_nearest2d", "pixel_shuffle"),
    Case("means", Calls(lambda x: x.mean((2, 3)) * 2), "none", "view"),
    Case("means", Calls(lambda x: x.mean((-1, -2))), "none", "view"),
    Case("adaptive pools", nn.AdaptiveAvgPool2d((4, 2)), "adaptive_avg_pool2d", "avg_pool2d"),
    Case("mirrors", nn.ReflectionPad2d((3, 1, 0, 2)), "pad", "cat"),
    Case("mirrors", nn.ReplicationPad2d((3, 1, 0, 2)), "pad", "cat"),
    Case("crops", nn.ZeroPad2d((-1, 2, 0, -3)), "pad", "slice"),
    Case("crops", Calls(lambda x: torch.ops.aten.constant_pad_nd(x, [-1, -2], 0.5)),
         "pad", "slice"),
    Case("circles", nn.CircularPad2d((1, 2, 3, 0)), "pad", "cat"),
    Case("splits", Calls(lambda x: x.chunk(3, 1)[0] - x.chunk(3, 1)[1]), "split", "slice"),
    Case("splits", Calls(lambda x: torch.cat(x.split([1, 3], 1)[::-1], 1)),
         "split_with_sizes", "slice"),
    Case("hard sigmoid", Calls(lambda x: F.hardsigmoid(x * 12 - 6)), "hardsigmoid", "hardtanh"),
    Case("channel shuffles written out", nn.ChannelShuffle(2), "channel_shuffle", "transpose"),
    Case("prelu", seeded(lambda: nn.PReLU(4)), "prelu", "relu"),
    Case("prelu", nn.PReLU(), "prelu", "relu"),
    Case("reciprocal", Calls(lambda x: torch.reciprocal(x + 1)), "reciprocal", "div"),
    Case("tanh gelu", nn.GELU("tanh"), "gelu", "tanh"),
    Case("attention", Calls(attend), "scaled_dot_product_attention", "softmax"),
    Case("attention", Calls(lambda x: attend(x, is_causal=True)),
         "scaled_dot_product_attention", "softmax"),
    Case("attention", Calls(lambda x: attend(x, attn_mask=torch.eye(12) > 0)),
         "scaled_dot_product_attention", "masked_fill"),
    Case("constants", Calls(lambda x: x + torch.linspace(0, 1, 8).sin()), "linspace", "add"),
    Case("constants", seeded(lambda: spectral_norm(nn.Conv2d(4, 3, 3))), "mv", "conv2d"),
    Case("constants", Calls(masked), "slice_scatter", "mul"),
    Case("written slices", Calls(lambda x: write(x, (..., slice(1, 7, 2)))),
         "slice_scatter", "cat"),
    Case("written slices", Calls(lambda x: write(x, (slice(None), slice(None), slice(0, 12, 5)))),
         "slice_scatter", "cat"),
    Case("written slices", Calls(lambda x: write(x, (slice(None), 2))), "select_scatter", "cat"),
    Case("resizes", Calls(lambda x: F.interpolate(x, size=(5, 3), mode="bilinear", antialias=True)),
         "_upsample_bilinear2d_aa", "matmul"),
    Case("resizes", nn.Upsample(scale_factor=2, mode="bicubic"), "upsample_bicubic2d", "matmul"),
    Case("folds",
         Calls(lambda x: F.fold(x.repeat(1, 6, 1, 1)[..., 0], (7, 9), (2, 3), 2, 1, (3, 2))),
         "col2im", "conv_transpose2d"),
    Case("unfolds", nn.Unfold((3, 2), padding=1, stride=(2, 1), dilation=(1, 2)),
         "im2col", "conv2d"),
    Case("nearest by index", nn.Upsample(size=(7, 13), mode="nearest-exact"),
         "_upsample_nearest_exact2d", "index_select"),
    Case("nearest by index", nn.Upsample(scale_factor=(1.3, 0.7)),
         "upsample_nearest2d", "index_select"),
    Case("product factors",
         Calls(lambda x: torch.addmm(x[0, 0], x[0, 1] / 9, x[0, 2].mT @ x[0, 3], alpha=-2)),
         "addmm", "mm"),
    Case("product factors",
         Calls(lambda x: torch.baddbmm(x[0] / 0, x[0], x[0].mT @ x[0], beta=0, alpha=0.5)),
         "baddbmm", "bmm"),
    Case("rms norms", nn.RMSNorm(8, eps=1e-2), "rms_norm", "sqrt"),
    Case("mish", Calls(lambda x: F.mish(x * 30)), "mish", "exp"),
    Case("softplus", Calls(lambda x: F.softplus(x * 30, beta=2)), "softplus", "log"),
    Case("thresholds", nn.Softplus(beta=3, threshold=1), "softplus", "where"),
    Case("core operators", nn.ELU(0.5), "elu", "exp"),
    Case("core operators", Calls(lambda x: torch.var(x, (2, 3), correction=0)), "var", "mean"),
    Case("core operators", Calls(lambda x: torch.remainder(x, 0.3)), "remainder", "floor"),
]  # fmt: skip


def signed(model: nn.Module) -> nn.Module:
    """Probes lie in [0, 1]; half of what the model sees is negative."""
    return nn.Sequential(Calls(lambda x: x * 2 - 1), model)


def operators(program: torch.export.ExportedProgram) -> set[str]:
    return {operator_name(node.target) for node in program.graph.nodes if node.op != "placeholder"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.gone}-{case.appears}")
def test_a_rewrite_computes_the_same(case: Case) -> None:
    model, x = signed(case.model), picture(*SHAPE)
    before = export(model, x)
    graph = str(before.graph)
    after, sentences = apply([case.name], before)
    assert len(sentences) >= 1
    assert all(sentence.startswith("1") for sentence in sentences)
    assert str(before.graph) == graph
    assert case.gone not in operators(after)
    assert case.appears in operators(after)
    with torch.no_grad():
        for seed in range(3):
            probe = picture(*SHAPE, seed=seed)
            assert torch.allclose(after.module()(probe), model.eval()(probe), rtol=0, atol=1e-6)


def test_every_rewrite_is_tested() -> None:
    tested = {case.name for case in CASES} | set(ARGUMENTS) | {"no-ops", "int8 biases"}
    assert tested == set(REWRITES)


def test_biases_of_codes_become_integers_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1))
    probes = [picture(*SHAPE, seed=seed) for seed in range(4)]
    model = quantize(net.eval(), probes[0], probes).model
    # Proved on probes inside.
    rewritten, sentences = apply(["int8 biases"], export(model, probes[0]))
    assert len(sentences) == 2
    biases = [
        node.args[2] for node in rewritten.graph.nodes if operator_name(node.target) == "conv2d"
    ]
    assert [operator_name(bias.target) for bias in biases] == ["dequantize_per_channel"] * 2


def test_every_formula_is_tested() -> None:
    assert {operator_name(target) for target in OWN} - set(FORMULAS) == set()


def test_what_changes_nothing_is_removed_without_a_word() -> None:
    model = Calls(lambda x: torch.ops.aten.alias(x * 2)[:, 0:4] + x[:, :, 0:12])
    before = export(model, picture(*SHAPE))
    after, sentences = apply(["no-ops"], before)
    assert sentences == ()
    assert operators(after) == {"mul", "add", "output"}
    with torch.no_grad():
        probe = picture(*SHAPE, seed=1)
        assert torch.equal(after.module()(probe), model(probe))


def test_what_a_target_has_not_is_taken_apart() -> None:
    model = Calls(lambda x: F.celu(F.glu(x, 1), 0.7) + torch.var_mean(x, 1, keepdim=True)[1])
    before = export(model, picture(*SHAPE))
    foreign = ("glu", "celu", "var_mean")
    after, sentences = apply([], before, lambda node: operator_name(node.target) not in foreign)
    assert len(sentences) == 3
    assert operators(after).isdisjoint(foreign)


FORMULAS = {
    "adaptive_max_pool2d": Calls(lambda x: F.adaptive_max_pool2d(x, (5, 3))),
    "amax": Calls(lambda x: x.amax((-1, 1)) + x.amax()),
    "max": Calls(lambda x: x.max(2)[0] + x.max(-1, keepdim=True)[1][:, :, 0]),
    "avg_pool3d": nn.LocalResponseNorm(3),
    "clamp": Calls(lambda x: torch.clamp(x, x.mean(), x.mean() + 0.2)),
    "conv1d": seeded(
        lambda: nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 6, 3, 2, 1, dilation=2, groups=2))
    ),
    "conv3d": seeded(
        lambda: nn.Sequential(
            nn.Unflatten(1, (2, 2)), nn.Conv3d(2, 4, (2, 3, 3), (1, 2, 1), 1, (1, 2, 1), groups=2)
        )
    ),
    "conv3d_same": seeded(
        lambda: nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv3d(1, 3, (3, 2, 3), padding="same"))
    ),
    "div": Calls(lambda x: torch.div(x * 9, 0.7, rounding_mode="floor")
                 + torch.div(x * 9, x + 2, rounding_mode="trunc")),
    "fmod": Calls(lambda x: torch.fmod(x * 9, -0.7) + torch.fmod(x * 9, x.abs() + 0.3)),
    "hypot": Calls(lambda x: torch.hypot(x, x.flip(1))),
    "max_pool2d": Calls(lambda x: F.max_pool2d(x, (2, 3), (1, 2), 1, (3, 1))),
    "max_pool2d_ceil": Calls(lambda x: F.max_pool2d(x, 2, 3, 0, ceil_mode=True)),
    "max_pool2d_ceil_pad": Calls(
        lambda x: F.max_pool2d(x[:, :, :11], 2, 4, 1, ceil_mode=True)
    ),
    "max_pool2d_spread_ceil": Calls(lambda x: F.max_pool2d(x, 2, 4, 1, 2, ceil_mode=True)),
    "median": Calls(lambda x: x.median(1)[0] + x[:, :3].median(1)[0]),
    "__or__": Calls(lambda x: ((x > 0.5) | (x < -0.5)).float()),
    "__xor__": Calls(lambda x: ((x > 0.5) ^ (x > -0.5)).float()),
    "bitwise_or": Calls(lambda x: torch.bitwise_or(x > 0.5, x < -0.5).float()),
    "bitwise_xor": Calls(lambda x: torch.bitwise_xor(x > 0.5, x > -0.5).float()),
    "prod": Calls(lambda x: x.prod(2) + x[:, :, :5].prod(2)),
    "sort": Calls(lambda x: x.sort(2, descending=True)[0] - x.sort(2)[0]),
    "trunc": Calls(lambda x: torch.trunc(x * 5)),
    "unfold": Calls(lambda x: x.unfold(2, 5, 3)),
}  # fmt: skip
"""Operators that are taken apart into formulas of edge-sdk's own, by name and form."""


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_computes_the_same(name: str) -> None:
    model, x = signed(FORMULAS[name]).eval(), picture(*SHAPE)
    before = export(model, x)
    after, sentences = apply([], before, has_no_formula)
    assert sentences
    assert all(has_no_formula(node) for node in after.graph.nodes)
    with torch.no_grad():
        for seed in range(3):
            probe = picture(*SHAPE, seed=seed)
            assert torch.allclose(after.module()(probe), model(probe), rtol=0, atol=2e-6)


def has_no_formula(node: Node) -> bool:
    if node.target is torch.ops.aten.max_pool2d.default:
        return not is_windowed(node.args[0].meta["val"], *node.args[1:])
    if node.target is torch.ops.aten.amax.default:
        return bool(argument_of(node, 2, "keepdim", False))
    return node.target not in OWN


ARGUMENTS = {
    "pool strides": Calls(lambda x: F.max_pool2d(x, 2)),
    "transposed paddings": seeded(lambda: nn.ConvTranspose2d(4, 3, 3, 2, output_padding=1)),
    "alphas": Calls(lambda x: torch.add(x, x * x, alpha=0.5)),
    "ceil means": Calls(lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True)),
    "running sums": Calls(lambda x: x.cumsum(-2)),
    "scalars of where": Calls(lambda x: torch.where(x > 0.5, x, 2)),
}
"""Rewrites that change an operator's arguments alone, with a model each."""


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_changed_exactly(name: str) -> None:
    model = ARGUMENTS[name].eval()
    before = export(model, picture(*SHAPE))
    after, sentences = apply([name], before)
    assert len(sentences) == 1
    assert operators(after) >= operators(before)
    with torch.no_grad():
        probe = picture(*SHAPE, seed=1)
        assert torch.allclose(after.module()(probe), model(probe), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", REWRITES)
def test_a_rewrite_leaves_other_models_alone(name: str) -> None:
    program = export(seeded(lambda: nn.Sequential(nn.Conv2d(4, 3, 3), nn.ReLU())), picture(*SHAPE))
    assert apply([name], program) == (program, ())


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("pixel shuffles", Calls(transposed_views)),
        ("pixel shuffles", Calls(channel_views)),
        ("channel shuffles", Calls(views)),
        ("pads", padded_conv((1, 0, 1, 1))),
        ("pads", padded_conv((1, 1, 1, 1), value=0.5)),
        ("pads", padded_conv((-1, -1, 0, 0))),
        ("nearest", nn.Upsample(size=(18, 12))),
        ("means", Calls(lambda x: x.mean((1, 3)))),
        ("adaptive pools", nn.AdaptiveAvgPool2d((5, 3))),
        ("mirrors", nn.CircularPad2d(1)),
        ("tanh gelu", nn.GELU()),
    ],
)
def test_a_near_miss_is_left_alone(name: str, model: nn.Module) -> None:
    program = export(model, picture(*SHAPE))
    assert apply([name], program) == (program, ())


def test_a_pad_that_other_nodes_read_stays() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            padded = F.pad(x, (1, 1, 1, 1))
            return self.conv(padded) + padded[:, :, 1:-1, 1:-1]

    program = export(Shared(), picture(*SHAPE))
    assert apply(["pads"], program) == (program, ())


def test_a_wrong_rewrite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(program: torch.export.ExportedProgram):
        table = {torch.ops.aten.relu.default: lambda x: x.clamp(min=0.001)}
        return program.run_decompositions(table), ("relu became something else",)

    monkeypatch.setitem(REWRITES, "wrong", wrong)
    with pytest.raises(ConversionError, match="rewrite 'wrong' changes the result"):
        apply(["wrong"], export(signed(nn.ReLU()), picture(*SHAPE)))


def test_sentences_name_the_module() -> None:
    model = nn.Sequential(nn.Sequential(nn.ReLU(), nn.PReLU()), nn.PReLU())
    _, sentences = apply(["prelu"], export(model, picture(*SHAPE)))
    assert sentences == (
        "0.1 (PReLU): PReLU became relu(x) − a·relu(−x)",
        "1 (PReLU): PReLU became relu(x) − a·relu(−x)",
    )


@examples(15)
@given(
    factor=st.integers(2, 4),
    channels=st.integers(1, 3),
    dims=st.permutations([1, 2, 3, 4, 5]),
)
def test_only_true_pixel_shuffles_are_recognized(
    factor: int, channels: int, dims: list[int]
) -> None:
    x = picture(1, channels * factor**2, 3, 2)

    def move(x: Tensor) -> Tensor:
        cells = x.view(1, channels, factor, factor, 3, 2).permute(0, *dims)
        return cells.reshape(1, channels, 3 * factor, 2 * factor)

    program = export(Calls(move), x)
    after, sentences = apply(["pixel shuffles"], program)
    same = torch.equal(move(x), F.pixel_shuffle(x, factor))
    assert bool(sentences) == same
    assert torch.equal(after.module()(x), move(x))
