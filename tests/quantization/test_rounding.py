"""Second-order rounding: weights on their steps, outputs that change less, exact where exact is."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.deploy import QuantizeOptions
from edge_sdk.errors import InputError
from edge_sdk.int8 import int8_values
from edge_sdk.models import EnhanceNet
from edge_sdk.quantization import (
    Scheme,
    TuningConfig,
    agreement_db,
    quantize,
    round_weights,
    tune,
)
from edge_sdk.quantization.input_moments import moments_of, own_layers
from edge_sdk.quantization.insertion import plan_codes
from edge_sdk.quantization.value_graph import value_graph
from tests.builders.smooth_pictures import smooth_pictures

EXAMPLE = torch.zeros(1, 1, 24, 24)


def gained_db(model: nn.Module, pictures: list[Tensor], others: list[Tensor]) -> float:
    """What second-order rounding gains over nearest codes of weights, on pictures not seen."""
    scheme = quantize(model, pictures[0], pictures, picture_output=False).scheme
    second = round_weights(model, pictures[0], scheme, pictures)
    nearest = deepcopy(model)
    with torch.no_grad():
        for name, weight in nearest.named_parameters():
            if weight.ndim > 1:
                weight.copy_(int8_values(weight) if "up" not in name else weight)
    before, after = (agreement_db(model, each, others, clip=False) for each in (nearest, second))
    return after - before


class Kinds(nn.Module):
    """Layers of every kind that is rounded, and some that are not."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(1, 16, 5, padding=2)
        self.depthwise = nn.Conv2d(16, 16, 5, padding="same", groups=16, dilation=2)
        self.grouped = nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=4, bias=False)
        self.up = nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1)
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.depthwise(torch.relu(self.wide(x))))
        return self.last(self.up(torch.relu(self.grouped(x))).permute(0, 2, 3, 1))


def kinds() -> nn.Module:
    torch.manual_seed(3)
    return Kinds().eval()


def test_outputs_change_less(network: EnhanceNet, pictures: list[Tensor]) -> None:
    assert gained_db(network, pictures, smooth_pictures(8, seed=2)) > 3


def test_every_kind_of_layer() -> None:
    pictures = smooth_pictures(8, seed=1)
    assert gained_db(kinds(), pictures, smooth_pictures(4, seed=2)) > 3


def test_weights_lie_on_the_steps_that_they_had(pictures: list[Tensor]) -> None:
    model = kinds()
    scheme = quantize(model, EXAMPLE, pictures, picture_output=False).scheme
    rounded = round_weights(model, EXAMPLE, scheme, pictures)
    for name in ("wide", "depthwise", "grouped", "last"):
        before, after = (each.get_submodule(name).weight.detach() for each in (model, rounded))
        assert torch.equal(int8_values(after), after)
        axes = tuple(range(1, before.ndim))
        nearest = int8_values(before)
        assert torch.equal(after.abs().amax(axes), nearest.abs().amax(axes))
        assert not torch.equal(after, nearest)
    assert torch.equal(model.up.weight, rounded.up.weight)


def test_nothing_changes_where_inputs_say_nothing_of_each_other() -> None:
    # One input: nothing can take back what a weight is off by, but for a bias.
    model = nn.Sequential(nn.Conv2d(1, 4, 1, bias=False)).eval()
    pictures = smooth_pictures(4, seed=1)
    scheme = quantize(model, EXAMPLE, pictures, picture_output=False).scheme
    rounded = round_weights(model, EXAMPLE, scheme, pictures)
    assert torch.equal(rounded[0].weight, int8_values(model[0].weight))  # type: ignore[index,arg-type]


def test_the_bias_keeps_the_mean() -> None:
    torch.manual_seed(0)
    model = nn.Conv2d(1, 4, 1).eval()
    picture = torch.full((1, 1, 24, 24), 100 / 255)
    scheme = quantize(model, EXAMPLE, [picture], picture_output=False).scheme
    rounded = round_weights(model, EXAMPLE, scheme, [picture])
    # All of it is mean here: the very output comes back.
    torch.testing.assert_close(rounded(picture), model(picture), atol=1e-6, rtol=0)


def test_a_weight_of_two_layers_stays(pictures: list[Tensor]) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(torch.relu(self.conv(x)))

    model = Twice().eval()
    scheme = quantize(model, EXAMPLE, pictures, picture_output=False).scheme
    rounded = round_weights(model, EXAMPLE, scheme, pictures)
    assert torch.equal(rounded.conv.weight, model.conv.weight)


class Tied(nn.Module):
    """One weight under two names, one that is read beside its layer, and a constant of no name."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
        self.other.weight = self.one.weight
        self.gated, self.free = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 4, 3)
        self.constant = torch.rand(1, 4, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.other(torch.relu(self.one(x)))
        x = self.gated(x) * self.gated.weight.mean()
        return torch.conv2d(self.free(x), self.constant)


def test_weights_that_others_read_stay_and_those_of_two_names_stay_one(
    pictures: list[Tensor],
) -> None:
    torch.manual_seed(0)
    model = Tied().eval()
    scheme = quantize(model, EXAMPLE, pictures, picture_output=False).scheme
    rounded = round_weights(model, EXAMPLE, scheme, pictures)
    for name in ("one", "other", "gated"):
        before, after = (each.get_submodule(name).weight for each in (model, rounded))
        assert torch.equal(before, after)  # type: ignore[arg-type]
    assert not torch.equal(model.free.weight, rounded.free.weight)
    tuned = tune(model, EXAMPLE, scheme, pictures, TuningConfig(steps=1))
    assert tuned.one.weight is tuned.other.weight
    assert not torch.equal(tuned.one.weight, model.one.weight)


def test_numbers_that_are_none_are_refused_by_name(pictures: list[Tensor]) -> None:
    model = kinds()
    scheme = Scheme(weights_only=True)
    broken = [*pictures[:1], torch.full_like(pictures[0], float("nan"))]
    with pytest.raises(InputError, match="calibration input 2 of 2 holds a NaN"):
        round_weights(model, EXAMPLE, scheme, broken)
    with torch.no_grad():
        model.wide.bias.fill_(float("inf"))
    with pytest.raises(InputError, match=r"^depthwise \(Conv2d\): reads a NaN or an infinity"):
        round_weights(model, EXAMPLE, scheme, pictures)


@pytest.mark.parametrize("name", ["wide", "depthwise", "grouped", "last"])
def test_drawn_patches_are_those_of_an_unfolded_picture(name: str) -> None:
    coding = plan_codes(value_graph(kinds(), EXAMPLE), Scheme(weights_only=True))
    layer = next(
        each for each in own_layers(coding).values() if f"{name}." in str(each.node.args[1].target)
    )
    channels = layer.weight.shape[1] * layer.groups
    feed = torch.rand(2, 9, 7, channels)
    feed = feed if name == "last" else feed.permute(0, 3, 1, 2)
    weight = layer.weight.double()
    args = [feed.double(), weight, None, *layer.node.args[3:]]
    results = layer.node.target(*args).movedim(1 if name != "last" else -1, 0).flatten(1)
    found = moments_of(layer, [feed])
    rows = weight.reshape(layer.groups, -1, found.sums.shape[-1])
    assert found.count == results.shape[1]
    torch.testing.assert_close((rows @ found.sums[:, :, None]).flatten(), results.sum(1))
    energy = (rows @ found.products * rows).sum(-1).flatten()
    torch.testing.assert_close(energy, results.square().sum(1))


def test_black_pictures_and_seeds(network: EnhanceNet, pictures: list[Tensor]) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    scheme = quantize(network, EXAMPLE, pictures).scheme
    for given in (pictures, [torch.zeros(1, 1, 24, 24)]):
        one, other = (round_weights(network, EXAMPLE, scheme, given) for _ in range(2))
        for first, second in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(first, second)
            assert bool(first.isfinite().all())
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


def test_bad_input(network: EnhanceNet) -> None:
    with pytest.raises(InputError, match="give at least one"):
        round_weights(network, EXAMPLE, Scheme(weights_only=True), [])
    assert QuantizeOptions().rounding == "gptq"
