from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.errors import InputError
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig
from edge_sdk.quantization import lint_ranges
from edge_sdk.quantization.ranges import INFLATION_WARNING, SQNR_WARNING_DB
from edge_sdk.reparam import (
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    five_branches,
    fuse,
    sesr_branches,
)
from tests.examples import examples

BITS_DB = 20 * math.log10(2)


def network(branches=None, **changes) -> EnhanceNet:
    torch.manual_seed(0)
    # Branches of one size: which one is a thousand times too large is then beyond doubt.
    config = EnhanceNetConfig(
        color=Color.RGB,
        widths=(8, 8, 6),
        skips=((0, 1),),
        branches=branches,
        initialization="independent",
        **changes,
    )
    net = EnhanceNet(config)
    for buffer in net.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 2)
    return net


def uniform_conv(channels: int = 16) -> nn.Conv2d:
    conv = nn.Conv2d(channels, channels, 3, bias=False)
    conv.weight.data.uniform_(-1, 1)
    return conv


def scale_branch(block: MultiBranchConv2d, index: int, factor: float) -> None:
    last = [part for part in block.branches[index].modules() if isinstance(part, nn.Conv2d)][-1]
    last.weight.data.mul_(factor)


@given(st.integers(0, 2**31))
@examples(10)
def test_evenly_spread_weights_keep_six_decibels_per_bit(seed: int) -> None:
    torch.manual_seed(seed)
    report = lint_ranges(uniform_conv(), torch.rand(1, 16, 5, 5))
    assert report.layers[0].weight_sqnr_db == pytest.approx(8 * BITS_DB, abs=1.5)


def test_evenly_spread_activations_keep_six_decibels_per_bit() -> None:
    conv = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.ones_(conv.weight)
    for low, high in ((-1, 1), (0, 1), (-3, 1)):
        x = low + (high - low) * torch.rand(2, 1, 64, 64)
        measured = lint_ranges(conv, x).layers[0]
        power = float(x.double().square().mean())
        expected = 10 * math.log10(12 * power * (255 / (high - low)) ** 2)
        assert measured.activation_sqnr_db == pytest.approx(expected, abs=0.2)
        assert measured.activations is not None
        assert (measured.activations.low, measured.activations.high) == (x.min(), x.max())


def test_one_large_weight_takes_six_decibels_per_doubling_from_the_others() -> None:
    conv = uniform_conv(1)
    conv.weight.data = torch.rand(1, 1, 64, 64) * 2 - 1
    x = torch.rand(1, 1, 64, 64)
    before = lint_ranges(conv, x).layers[0].weight_sqnr_db
    conv.weight.data[0, 0, 0, 0] = 4.0
    # The large weight is exact itself and hardly adds power to 4096 others.
    assert before - lint_ranges(conv, x).layers[0].weight_sqnr_db == pytest.approx(
        2 * BITS_DB, abs=0.3
    )


@pytest.mark.parametrize("branches", [five_branches(5), sesr_branches(16)])
def test_fused_layers_are_called_and_judged_as_the_originals(branches) -> None:
    net = network(branches)
    x = torch.rand(1, 3, 12, 10)
    before = lint_ranges(net, x)
    after = lint_ranges(fuse(net, x)[0], x)
    names = ["features.0", "features.1", "features.2", "reconstruct"]
    assert [layer.name for layer in before.layers] == names
    assert [layer.name for layer in after.layers] == names
    for block, conv in zip(before.layers, after.layers, strict=True):
        assert (block.kind, conv.kind) == ("MultiBranchConv2d", "Conv2d")
        assert block.weight_sqnr_db == pytest.approx(conv.weight_sqnr_db, abs=0.05)
        assert block.activation_sqnr_db == pytest.approx(conv.activation_sqnr_db, abs=0.05)
        for a, b in zip(block.weights, conv.weights, strict=True):
            assert (a.low, a.high) == pytest.approx((b.low, b.high), rel=1e-4, abs=1e-5)
        assert block.inflation is not None
        assert conv.inflation is None


@pytest.mark.parametrize("branches", [five_branches(5), sesr_branches(16)])
@pytest.mark.parametrize("layer", [1, 2])
def test_a_branch_a_thousand_times_too_large_is_named(branches, layer: int) -> None:
    net = network(branches)
    for index in range(len(branches) - 1):
        wrong = copy.deepcopy(net)
        block = wrong.features[layer]
        assert isinstance(block, MultiBranchConv2d)
        scale_branch(block, index, 1000.0)
        report = lint_ranges(wrong, torch.rand(1, 3, 9, 9))
        name = f"features.{layer}.branches.{index}"
        found = report.layer(f"features.{layer}")
        assert found.inflation is not None
        assert found.inflation.branch == name
        assert found.inflation.factor > INFLATION_WARNING
        (warning,) = (line for line in report.warnings if line.startswith(f"features.{layer}: "))
        assert name in warning
        assert "\n" not in warning


def test_an_identity_that_dwarfs_the_rest_is_named() -> None:
    net = network((ConvBranchConfig((3,)), IdentityBranchConfig()))
    block = net.features[1]
    assert isinstance(block, MultiBranchConv2d)
    scale_branch(block, 0, 0.01)
    report = lint_ranges(net, torch.rand(1, 3, 9, 9))
    layer = report.layer("features.1")
    # The identity keeps its own 40 dB while the convolution is rounded away: the factor tells.
    assert layer.weight_sqnr_db > 40
    assert any("features.1.branches.1 widens" in warning for warning in report.warnings)
    assert layer.inflation is not None
    assert layer.inflation.branch == "features.1.branches.1"
    weight = next(
        part.weight for part in block.branches[0].modules() if isinstance(part, nn.Conv2d)
    )
    peaks = weight.detach().abs().flatten(1).amax(1)
    assert layer.inflation.factor == pytest.approx(1 / float(peaks.mean()), rel=0.02)


def test_a_sum_of_branches_written_by_hand_is_a_layer_and_names_the_one_that_widens_it() -> None:
    class ByHand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.large = nn.Conv2d(3, 3, 1)
            self.small = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.small(x) + 1000 * self.large(x)

    model, x = ByHand().eval(), torch.rand(1, 3, 9, 9)
    fused, _ = fuse(model, x)
    before, after = lint_ranges(model, x), lint_ranges(fused, x)
    assert [layer.name for layer in before.layers] == ["large", "small", "small + large"]
    assert [layer.name for layer in after.layers] == ["fused"]
    summed = before.layer("small + large")
    assert summed.inflation is not None
    assert summed.inflation.branch == "large"
    assert summed.inflation.factor > 100
    merged = after.layer("fused").weights
    assert [row.high for row in summed.weights] == pytest.approx([row.high for row in merged])
    assert any("large widens" in warning for warning in before.warnings)


def test_weak_layers_are_warned_of_and_others_are_not() -> None:
    conv = uniform_conv(64)
    x = torch.rand(1, 64, 9, 9)
    assert lint_ranges(conv, x).warnings == ()
    spiky = copy.deepcopy(conv)
    # One weight so large that all others are less than half a step.
    spiky.weight.data[:] = 0.49 / 127
    spiky.weight.data[:, 0, 0, 0] = 1
    (warning,) = lint_ranges(spiky, x).warnings
    assert warning.startswith("(whole model): weights keep ")
    assert f"less than {SQNR_WARNING_DB:.0f}" in warning
    passing = nn.Conv2d(1, 1, 1, bias=False)
    nn.init.ones_(passing.weight)
    x = torch.full((1, 1, 128, 128), 0.49 / 255)
    x[0, 0, 0, 0] = 1
    (warning,) = lint_ranges(passing, x).warnings
    assert warning.startswith("(whole model): activations keep ")


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2)
        self.stem = nn.Sequential(nn.Conv2d(6, 5, 3, groups=1), nn.BatchNorm2d(5))
        self.idle = nn.Conv2d(1, 1, 1)
        self.classify = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.stem(self.up(x)).mean((2, 3)))


def test_any_model_is_linted_and_left_as_it_was() -> None:
    model = Mixed().train()
    before = copy.deepcopy(model.state_dict())
    examples = [torch.rand(2, 4, 6, 6), torch.rand(1, 4, 9, 7) - 2]
    report = lint_ranges(model, examples)
    assert [layer.name for layer in report.layers] == ["up", "stem.0", "idle", "classify"]
    assert [len(layer.weights) for layer in report.layers] == [6, 5, 1, 3]
    # Channel 1 of group 1 of the transposed convolution, stored [in, out/groups, …].
    own = model.up.weight.detach()[2:, 1]
    assert report.layer("up").weights[4].low == pytest.approx(float(own.min()))
    idle = report.layer("idle")
    assert (idle.activations, idle.activation_sqnr_db) == (None, None)
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())
    ranges = [lint_ranges(model, example).layer("up").activations for example in examples]
    joined = report.layer("up").activations
    assert joined is not None
    assert (joined.low, joined.high) == (
        min(each.low for each in ranges if each),
        max(each.high for each in ranges if each),
    )


def test_a_block_alone_is_a_model() -> None:
    block = MultiBranchConv2d(4, 4, sesr_branches(8))
    (layer,) = lint_ranges(block, torch.rand(1, 4, 5, 5)).layers
    assert (layer.name, layer.kind) == ("(whole model)", "MultiBranchConv2d")
    assert layer.inflation is not None
    assert layer.inflation.branch in ("branches.0", "branches.1")


@pytest.mark.parametrize(
    ("model", "examples", "message"),
    [
        (nn.ReLU(), torch.rand(1, 1, 4, 4), "the ReLU holds no convolution"),
        (nn.Conv2d(1, 1, 3), [], "at least one input"),
        (nn.Conv2d(1, 1, 3), torch.rand(0, 1, 4, 4), "at least one input"),
        (nn.Conv2d(1, 1, 3), ["picture.png"], "at least one input"),
        (nn.Conv2d(1, 1, 3), torch.rand(1, 2, 4, 4), r"not take an example of shape 1×2×4×4"),
        (nn.Conv2d(1, 1, 3), torch.full((1, 1, 4, 4), math.nan), "returns a NaN"),
    ],
)
def test_what_cannot_be_linted_is_refused(model, examples, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        lint_ranges(model, examples)
    assert "\n" not in str(caught.value)


def test_broken_weights_and_unknown_names_are_refused() -> None:
    conv = nn.Conv2d(1, 1, 3)
    report = lint_ranges(nn.Sequential(conv), torch.rand(1, 1, 4, 4))
    with pytest.raises(InputError, match="no layer '1'; choose one of: 0"):
        report.layer("1")
    conv.weight.data[0] = math.inf
    with pytest.raises(InputError, match=r"no finite numbers|returns a NaN"):
        lint_ranges(conv, torch.rand(1, 1, 4, 4))
