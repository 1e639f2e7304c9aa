"""Which values share codes, which have fixed ones, and what a weight shared by two layers keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.quantization import quantize
from edge_sdk.quantization.value_graph import value_graph
from tests.builders.smooth_pictures import smooth_pictures

PICTURES = smooth_pictures(3, seed=5, size=16, channels=3)


class Behind(nn.Module):
    """A function of a convolution's result."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.conv(x))


@pytest.mark.parametrize(
    ("function", "shares"),
    [
        (lambda y: functional.avg_pool2d(y, 2), True),
        (lambda y: functional.avg_pool2d(y, 2, divisor_override=1), False),
        (lambda y: functional.adaptive_avg_pool2d(y, 4), True),
        (lambda y: functional.adaptive_avg_pool2d(y, 1), False),
        (lambda y: functional.interpolate(y, scale_factor=2, mode="bilinear"), True),
        (lambda y: torch.maximum(y, y.flip(3)), True),
        (lambda y: torch.cat(torch.split(y, 2, 1)[::-1], 1), True),
        (lambda y: functional.leaky_relu(y, 0.1), False),
    ],
)
def test_codes_are_shared_where_integer_kernels_have_one_scale(
    function: Callable[[Tensor], Tensor], shares: bool
) -> None:
    values = value_graph(Behind(function), PICTURES[0]).values
    assert (values[-1].share == "conv") == shares


@pytest.mark.parametrize(
    ("function", "scale", "zero_point"),
    [
        (torch.sigmoid, 2**-8, -128),
        (torch.tanh, 2**-7, 0),
        (lambda y: torch.softmax(y.mean((2, 3)), 1), 2**-8, -128),
        (lambda y: functional.pixel_shuffle(torch.sigmoid(y), 2), 2**-8, -128),
    ],
)
def test_operators_with_fixed_codes_keep_them(
    function: Callable[[Tensor], Tensor], scale: float, zero_point: int
) -> None:
    made = quantize(Behind(function), PICTURES[0], PICTURES)
    codes = made.scheme.values[made.graph.values[-1].share]
    assert (codes.scale, codes.zero_point) == (scale, zero_point)


def test_fixed_codes_do_not_spread_to_what_is_joined_to_them() -> None:
    made = quantize(
        Behind(lambda y: torch.cat([torch.sigmoid(y), y], 1)),
        PICTURES[0],
        PICTURES,
        picture_output=False,
    )
    by_node = {value.node.name: value for value in made.graph.values}
    assert by_node["cat"].share == "conv"
    assert made.scheme.values[by_node["sigmoid"].share].scale == 2**-8
    assert made.scheme.values["conv"].low < 0


class Tied(nn.Module):
    """One parameter as the weight of a convolution and of a transposed one."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(8, 3, 3, 3) * torch.logspace(-2, 0, 8)[:, None, None, None]
        )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(functional.conv2d(x, self.weight, padding=1))
        return functional.conv_transpose2d(y, self.weight, padding=1)


def test_a_weight_tied_along_two_axes_has_two_sets_of_codes() -> None:
    torch.manual_seed(0)
    made = quantize(Tied(), PICTURES[0], PICTURES, picture_output=False)
    scales = [buffer for name, buffer in made.model.named_buffers() if name.endswith("_scales")]
    assert sorted(len(each) for each in scales) == [3, 8]
    weight = made.graph.module.weight
    assert isinstance(weight, Tensor)
    for each in scales:
        dims = (1, 2, 3) if len(each) == 8 else (0, 2, 3)
        largest = (weight.abs().amax(dims) / each).round()
        assert torch.equal(largest, torch.full_like(largest, 127))


def test_a_transposed_convolution_in_groups_has_one_step() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2))
    made = quantize(net, PICTURES[0], PICTURES, picture_output=False)
    targets = [str(node.target) for node in made.model.graph.nodes]
    assert sum("dequantize_per_channel" in target for target in targets) == 1
    codes = made.model.get_buffer(_whole(made.model))
    assert int(codes.abs().max()) == 127


def _whole(model: nn.Module) -> str:
    return next(name for name, _ in model.named_buffers() if name.endswith("_whole_int8"))
