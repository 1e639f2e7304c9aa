"""BatchNorms before activations on residual streams: gone where γ > 0, named where not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_sdk.reparam import count_macs, fuse
from edge_sdk.reparam.graph.fusion import GraphFusion, fuse_graph
from tests.builders.pre_activation_nets import Functional, before, norms_of, positive, staged
from tests.tolerances import MERGED_NETWORK

NETS: dict[str, Callable[[], nn.Module]] = {
    "stages": staged,
    "functional": Functional,
    "one block a stage": lambda: staged(1),
}


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return positive(build())


@torch.no_grad()
def exactly_fused(model: nn.Module, *shape: int) -> GraphFusion:
    """A model fused in float64, which equals it on pictures of other sizes too."""
    model = model.double()
    found = fuse_graph(model, (torch.randn(*shape, dtype=torch.float64),))
    # Where nothing is merged the model stays.
    found = replace(found, model=found.model or model)
    rows, columns = ([*shape[2:], 0, 0])[:2]
    sizes = [shape]
    if len(shape) == 4:
        sizes += [(3, shape[1], rows + 5, columns + 8), (1, shape[1], rows + 32, columns)]
    for size in sizes:
        x = torch.randn(*size, dtype=torch.float64)
        expected, actual = model(x.clone()), found.model(x.clone())
        assert actual.shape == expected.shape
        error = float((actual - expected).abs().max() / expected.square().mean().sqrt())
        assert error <= 1e-12
    return found


def left(found: GraphFusion) -> int:
    assert found.model is not None
    return len(norms_of(found.model))


def reason(found: GraphFusion, name: str) -> str:
    return {each.name: each.reason for each in found.refusals}[name]


@pytest.mark.parametrize("name", NETS)
def test_no_batch_norm_is_left(name: str) -> None:
    model = seeded(NETS[name])
    assert norms_of(model)
    found = exactly_fused(model, 2, 3, 32, 40)
    assert left(found) == 0


@pytest.mark.parametrize("name", NETS)
def test_the_certificate_proves_it_in_both_dtypes(name: str) -> None:
    model = seeded(NETS[name])
    x = torch.rand(1, 3, 32, 32)
    fused, certificate = fuse(model, x)
    assert not norms_of(fused)
    assert certificate.error_float64 < 1e-12
    assert certificate.error_float32 < 1e-5
    assert certificate.macs_after == certificate.macs_before == count_macs(fused, x)
    names = [name for name, _ in fused.named_modules()]
    assert all(region.name in names for region in certificate.regions)
    assert len({region.name for region in certificate.regions}) == len(certificate.regions)
    members = [name for region in certificate.regions for name in region.members]
    merged = {name for name, part in model.named_modules() if part in norms_of(model)}
    assert merged <= set(members)
    y = torch.rand(2, 3, 40, 64)
    torch.testing.assert_close(fused(y), model(y), **MERGED_NETWORK)


@pytest.mark.parametrize("gamma", [0.0, -0.7, -1e-30, float("-0.0")])
@pytest.mark.parametrize(("norm", "channel"), [("2.a.0", 5), ("3.a.0", 1), ("9", 0), ("1.a.0", 7)])
def test_a_channel_whose_scale_is_not_positive_is_refused_by_name(norm, channel, gamma) -> None:
    model = seeded(staged)
    part = model.get_submodule(norm)
    with torch.no_grad():
        part.weight[channel] = gamma
    kept = {name: value.clone() for name, value in part.state_dict().items()}
    found = exactly_fused(model, 2, 3, 32, 32)
    assert left(found) == 1
    assert f"channel {channel} has γ = {gamma:.3g}" in reason(found, norm)
    assert [each.name for each in found.refusals if "γ" in each.reason] == [norm]
    same = found.model.get_submodule(norm).state_dict()
    assert all(torch.equal(same[name], value.double()) for name, value in kept.items())


def test_all_channels_that_are_refused_are_counted() -> None:
    model = seeded(staged)
    with torch.no_grad():
        model.get_submodule("2.a.0").weight[2:5] = -1
    found = exactly_fused(model, 1, 3, 32, 32)
    assert "channel 2 (and channels 3, 4 likewise) has γ" in reason(found, "2.a.0")


def test_a_shift_that_float32_would_lose_the_stream_in_is_refused() -> None:
    model = seeded(staged)
    with torch.no_grad():
        model.get_submodule("2.a.0").weight[3] = 1e-6
        model.get_submodule("2.a.0").bias[3] = -0.5
    fused, certificate = fuse(model, torch.rand(1, 3, 32, 32))
    assert len(norms_of(fused)) == 1
    (refusal,) = (each for each in certificate.refusals if each.name == "2.a.0")
    assert "channel 3 would shift its stream by" in refusal.reason


def test_a_tiny_scale_with_a_tiny_shift_is_exact() -> None:
    model = seeded(staged)
    with torch.no_grad():
        model.get_submodule("2.a.0").weight[3] = 1e-6
        model.get_submodule("2.a.0").bias[3] = -1e-6
    assert left(exactly_fused(model, 1, 3, 32, 32)) == 0


class Stream(nn.Module):
    """A stem and a stream x, which a forward pass reads with the parts of two blocks."""

    def __init__(self, **options) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(6, **options), nn.BatchNorm2d(6, **options)
        self.conv1 = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, groups=3)
        self.point = nn.Conv2d(6, 6, 1, bias=False)
        self.twin = nn.Conv2d(6, 6, 1)
        self.up = nn.ConvTranspose2d(6, 6, 3, 2, groups=2)
        self.slope = nn.PReLU(6)
        self.last = nn.Conv2d(6, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.conv1(F.relu(self.bn1(x)))
        return self.last(F.relu(self.bn2(x)))


def stream(forward: Callable[[Stream, Tensor], Tensor] = Stream.forward, **options) -> nn.Module:
    torch.manual_seed(1)
    return positive(type("Model", (Stream,), {"forward": forward})(**options))


def pooled_shortcut(self, x):
    x = self.stem(x)
    y = self.conv1(F.relu(self.bn1(x)))
    x = self.point(F.avg_pool2d(x, 2)) + F.max_pool2d(y, 2)
    return self.last(F.relu(self.bn2(x)))


def subtracted(self, x):
    x = self.stem(x)
    x = x - self.conv1(F.relu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)))


def weighed(self, x):
    x = self.stem(x)
    x = torch.add(self.conv1(F.relu(self.bn1(x))), x, alpha=0.3)
    x = torch.add(x, self.point(x), alpha=-2)
    return self.last(F.relu(self.bn2(x)))


def other_activations(self, x):
    x = self.stem(x)
    x = x + self.conv1(self.slope(self.bn1(x)))
    return self.last(F.leaky_relu(self.bn2(x), 0.2))


def methods(self, x):
    x = self.stem(x).contiguous()
    x += self.conv1(self.bn1(x).relu_())
    return self.last(torch.relu_(self.bn2(x)))


def transposed_and_grouped(self, x):
    x = self.stem(x)
    x = x + self.conv2(F.relu(self.bn1(x)))
    return self.up(F.relu(self.bn2(x)))


def two_readers_behind(self, x):
    x = self.stem(x)
    y = F.relu(self.bn1(x))
    x = x + self.conv1(y) + self.conv2(F.max_pool2d(y, 3, 1, 1))
    return self.last(F.relu(self.bn2(F.dropout(x, 0.5, False))))


def norm_read_beside_the_activation(self, x):
    x = self.stem(x)
    y = self.bn1(x)
    x = x + self.conv1(F.relu(y)) + self.conv2(y)
    return self.last(F.relu(self.bn2(x)))


def one_norm_for_two(self, x):
    x = self.stem(x)
    x = self.point(x) + self.conv1(F.relu(self.bn1(x))) + self.conv2(F.leaky_relu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)))


def one_layer_twice(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.relu(self.bn1(x)))
    x = x + self.conv1(F.relu(self.bn2(x)))
    return self.last(F.relu(self.bn1(x)))


def parameters_read_elsewhere(self, x):
    other = torch.sigmoid(self.stem(x))
    x = self.stem(x)
    x = x + self.conv1(F.relu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x))) + F.conv2d(other, self.last.weight, padding=1)


def functions(self, x):
    x = F.conv2d(x, self.stem.weight, self.stem.bias, padding=1)
    for bn in (self.bn1, self.bn2):
        weights = (bn.running_mean, bn.running_var, bn.weight, bn.bias)
        y = F.relu(F.batch_norm(x, *weights, False, 0.1, bn.eps))
        x = x + F.conv2d(y, self.conv1.weight, None, 1, 1)
    return F.linear(self.last(x).mean((2, 3)), self.last.weight[:, :2, 0, 0])


def crossing_streams(self, x):
    x = self.stem(x)
    y = self.point(x)
    x = x + self.conv1(F.relu(self.bn1(x)))
    y = y + self.conv2(F.relu(self.bn2(y)))
    return self.last(F.relu(x + y))


TAKEN_OUT = [
    Stream.forward,
    pooled_shortcut,
    subtracted,
    weighed,
    other_activations,
    methods,
    transposed_and_grouped,
    two_readers_behind,
    norm_read_beside_the_activation,
    one_norm_for_two,
    one_layer_twice,
    parameters_read_elsewhere,
    functions,
    crossing_streams,
]


@pytest.mark.parametrize("forward", TAKEN_OUT, ids=lambda forward: forward.__name__)
def test_streams_in_many_hands_lose_their_norms(forward) -> None:
    found = exactly_fused(stream(forward), 2, 3, 12, 14)
    assert left(found) == 0
    assert not any(node.target is F.batch_norm for node in found.model.graph.nodes)


@pytest.mark.parametrize("options", [{"affine": False}, {"momentum": None}, {"eps": 0.3}], ids=str)
def test_norms_of_other_options_go_too(options) -> None:
    assert left(exactly_fused(stream(**options), 1, 3, 9, 9)) == 0


def returned(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.relu(self.bn1(x)))
    return F.interpolate(x, scale_factor=2.0) * 2, self.last(F.relu(self.bn2(x)))


def read_with_padding(self, x):
    x = self.stem(x)
    x = self.conv2(x) + self.conv1(F.relu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)))


def read_by_an_activation(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.relu(x)) + self.conv2(F.relu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)))


def read_transposed(self, x):
    x = self.stem(x)
    return self.up(x)[:, :, :-1, :-1] + self.up(F.relu(self.bn1(x)))[:, :, :-1, :-1]


def pooled_with_zeros(self, x):
    x = self.stem(x)
    x = F.avg_pool2d(x, 3, 1, 1) + self.conv1(F.relu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)))


def unlike_activation(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.relu6(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)))


def added_behind_the_activation(self, x):
    x = self.stem(x)
    y = F.relu(self.bn1(x))
    x = y + x + self.conv1(y)
    return self.last(F.relu(self.bn2(x)))


def two_norms(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.relu(self.bn1(x)))
    return self.last(F.relu(self.bn2(x)) + 0 * x)


def no_bias_to_be_had(self, x):
    x = self.stem(x)
    x = x + torch.sigmoid(self.conv1(F.relu(self.bn1(x))))
    return self.last(F.relu(self.bn2(x)))


def written_between(self, x):
    x = self.stem(x)
    x = x + self.conv1(F.relu(self.bn1(x)))
    y = F.relu(self.bn2(x))
    z = self.twin(y)
    y[:, 0] = 1.0
    return self.last(z + self.last(y).mean())


KEPT = {
    "returned": (returned, "bn2", "mul reads interpolate too and takes no shift"),
    "padded": (read_with_padding, "bn1", "conv2 reads stem too and takes no shift back out"),
    "activation": (read_by_an_activation, "bn1", "relu reads stem too and takes no shift"),
    "transposed": (read_transposed, "bn1", "up reads stem too and takes no shift"),
    "zeros in means": (pooled_with_zeros, "bn1", "avg_pool2d reads stem too"),
    "ReLU6": (unlike_activation, "bn1", "neither stem, which it takes"),
    "added": (added_behind_the_activation, "bn1", "add reads relu, behind it, and takes no scale"),
    "joined": (two_norms, "bn2", "add_1 reads relu_1, behind it, and takes no scale"),
    "no bias": (no_bias_to_be_had, "bn2", "nothing that makes add can add a bias to it alone"),
    "written": (written_between, "bn2", "takes no scale"),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_be_exact_stays_with_the_reason(name: str) -> None:
    forward, norm, expected = KEPT[name]

    def only_one(self, x):
        result = forward(self, x)
        return result[0].mean() + result[1] if isinstance(result, tuple) else result

    found = exactly_fused(stream(only_one), 2, 3, 12, 14)
    assert expected in reason(found, norm)
    assert norms_of(found.model)


def two_shifts(self, x):
    x = self.stem(x)
    y = self.conv1(F.relu(self.bn1(x))) + self.conv2(F.relu(self.bn2(x)))
    return self.last(x + y)


def test_of_two_shifts_of_one_stream_the_first_is_carried_and_the_other_norm_follows() -> None:
    model = stream(two_shifts)
    other = model.get_submodule("bn2")
    found = exactly_fused(model, 2, 3, 10, 10)
    assert left(found) == 1
    assert reason(found, "bn2") == "stem carries the shift of bn1 already, which is another"
    kept = found.model.get_submodule("bn2")
    assert torch.equal(kept.weight, other.weight)
    assert torch.equal(kept.running_var, other.running_var)


def test_two_norms_of_one_shift_go_both() -> None:
    model = stream(two_shifts)
    model.get_submodule("bn2").load_state_dict(model.get_submodule("bn1").state_dict())
    assert left(exactly_fused(model, 2, 3, 10, 10)) == 0


def test_a_norm_before_padding_without_activation_stays_refused() -> None:
    def forward(self, x):
        x = self.stem(x)
        x = x + self.conv1(F.relu(x))
        return self.last(self.bn2(x))

    found = exactly_fused(stream(forward), 1, 3, 9, 9)
    assert "neither add, which it takes" in reason(found, "bn2")
    assert "a bias followed by zero padding" in reason(found, "last")


def test_a_norm_that_goes_on_training_stays() -> None:
    class Forced(Stream):
        def train(self, mode: bool = True):
            super().train(mode)
            self.bn2.train()
            return self

    torch.manual_seed(0)
    model = positive(Forced(momentum=0.0))
    fused, certificate = fuse(model, torch.rand(2, 3, 8, 8))
    assert [type(part) for part in norms_of(fused)] == [nn.BatchNorm2d]
    assert any("training mode" in each.reason for each in certificate.refusals)
    x = torch.rand(4, 3, 8, 8)
    torch.testing.assert_close(fused(x), model(x), **MERGED_NETWORK)


def test_layers_with_hooks_stay() -> None:
    model = stream()
    model.get_submodule("conv1").register_forward_hook(lambda module, inputs, output: 2 * output)
    found = exactly_fused(model, 1, 3, 8, 8)
    assert "conv1 reads relu, behind it, and takes no scale" in reason(found, "bn1")
    assert "add a bias" in reason(found, "bn2")


def test_vectors_and_signals_have_streams_too() -> None:
    class Vectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = nn.Linear(5, 8), nn.Linear(8, 3)
            self.norms = nn.ModuleList(nn.BatchNorm1d(8) for _ in range(3))
            self.layers = nn.ModuleList(nn.Linear(8, 8, bias=False) for _ in range(2))

        def forward(self, x):
            x = self.first(x)
            for norm, layer in zip(self.norms, self.layers, strict=False):
                x = x + layer(F.relu(norm(x)))
            return self.head(F.relu(self.norms[-1](x)))

    assert left(exactly_fused(seeded(Vectors), 4, 5)) == 0
    block = nn.Sequential(nn.BatchNorm1d(6), nn.ReLU(), nn.Conv1d(6, 6, 3, padding=1))

    class Signals(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.block = nn.Conv1d(2, 6, 3), block
            self.norm, self.head = nn.BatchNorm1d(6), nn.Linear(6 * 7, 2)

        def forward(self, x):
            x = self.first(x)
            x = F.relu(self.norm(x + self.block(x)))
            return self.head(torch.flatten(x, 1))

    # The head's columns are channels and pixels.
    assert left(exactly_fused(seeded(Signals), 3, 2, 9)) == 0


@pytest.mark.parametrize(
    "head",
    [
        lambda y: y.mean([2, 3]),
        lambda y: torch.mean(y, dim=(-1, -2)),
        lambda y: F.adaptive_avg_pool2d(y, 1).flatten(1),
        lambda y: F.adaptive_avg_pool2d(y, (1, 1)).reshape(y.shape[0], -1),
        lambda y: F.adaptive_avg_pool2d(y, 1)[:, :, 0, 0],
        lambda y: F.adaptive_max_pool2d(y, 1).squeeze(-1).squeeze(-1),
        lambda y: y.amax((2, 3)),
        lambda y: y.mean(3).mean(2),
    ],
)
def test_the_last_scale_reaches_the_head_through_any_mean(head) -> None:
    class Headed(Stream):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(6, 3)

        def forward(self, x):
            x = self.stem(x)
            x = x + self.conv1(F.relu(self.bn1(x)))
            return self.last(head(F.relu(self.bn2(x))))

    assert left(exactly_fused(seeded(Headed), 2, 3, 9, 10)) == 0


def test_the_original_is_left_alone() -> None:
    model = seeded(staged)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    fuse(model, torch.rand(1, 3, 32, 32))
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_fusing_again_changes_nothing() -> None:
    model = seeded(staged)
    x = torch.rand(1, 3, 32, 32)
    fused, _ = fuse(model, x)
    again, certificate = fuse(fused, x)
    assert certificate.regions == ()
    torch.testing.assert_close(again(x), fused(x), rtol=0, atol=0)


def test_blocks_that_end_in_what_before_made() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), before(4, nn.Conv2d(4, 2, 3)))
    # The convolution before takes this norm in; nothing is left to do.
    assert left(exactly_fused(positive(model), 1, 3, 8, 8)) == 0
