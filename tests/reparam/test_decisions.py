"""Forward passes that decide on shapes: fused for the example's way, never wrong on another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.reparam import fuse
from edge_sdk.reparam.proof.certificate import Certificate
from tests.tolerances import MERGED_NETWORK

EXAMPLE = torch.rand(1, 3, 9, 10, generator=torch.Generator().manual_seed(0))
Forward = Callable[[nn.Module, Tensor], Tensor]


class Layers(nn.Module):
    """Two convolutions that merge, and one that does not fit behind the first."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 3, 1)
        self.other = nn.Conv2d(3, 3, 1)


def fused_with(forward: Forward) -> tuple[nn.Module, nn.Module, Certificate]:
    model = type("Model", (Layers,), {"forward": forward})().eval()
    return model, *fuse(model, EXAMPLE)


def is_noted(certificate: Certificate) -> bool:
    return any("of the example's size" in refusal.reason for refusal in certificate.refusals)


def asserted_channels(self, x):
    assert x.shape[1] == 3
    return self.second(self.first(x))


def channels_behind_a_convolution(self, x):
    y = torch.relu(self.first(x))
    assert y.size(1) == 4
    return self.second(y) if y.shape[-3] == 4 and y.size()[1] != x.shape[1] else y


def device_of_a_weight(self, x):
    assert self.first.weight.get_device() < 0
    return self.second(self.first(x)) if self.first.weight.dim() == 4 else x


def device_of_the_input(self, x):
    return self.other(x) if x.device.type == "cuda" else self.second(self.first(x))


def rank(self, x):
    assert len(x.shape) == 4
    return self.second(self.first(x)) if x.dim() == 4 and x.ndim == 4 else x


def dtype(self, x):
    return self.other(x) if x.dtype == torch.float16 else self.second(self.first(x))


@pytest.mark.parametrize(
    ("forward", "lasts"),
    [
        (channels_behind_a_convolution, True),
        (device_of_a_weight, True),
        (device_of_the_input, True),
        (asserted_channels, False),
        (rank, False),
        (dtype, False),
    ],
)
@torch.no_grad()
def test_decisions_that_no_size_changes(forward, lasts) -> None:
    model, fused, certificate = fused_with(forward)
    assert is_noted(certificate) is not lasts
    if forward is not channels_behind_a_convolution:
        assert [region.branches for region in certificate.regions] == [2]
    for size in ((1, 3, 9, 10), (2, 3, 4, 5), (1, 3, 33, 20)):
        x = torch.randn(size)
        torch.testing.assert_close(fused(x), model(x), **MERGED_NETWORK)


def odd_height(self, x):
    if x.shape[-2] % 2:
        x = functional.pad(x, (0, 0, 0, 1))
    return self.second(self.first(x))


def large(self, x):
    y = self.second(self.first(x))
    return self.other(y) if y.shape[-1] > 20 else y


def several_pictures(self, x):
    return self.other(x) if x.shape[0] > 1 else self.second(self.first(x))


def turned(self, x):
    # Channels of a turned picture are its rows.
    rows = self.other(x).permute(0, 2, 3, 1).shape[1]
    return self.second(self.first(x)) if rows < 20 else self.other(x)


def not_square(self, x):
    return self.second(self.first(x)) if x.shape[2] != x.shape[3] else self.other(x)


@pytest.mark.parametrize(
    ("forward", "other"),
    [
        (odd_height, (1, 3, 8, 10)),
        (large, (1, 3, 9, 30)),
        (several_pictures, (2, 3, 9, 10)),
        (turned, (1, 3, 24, 10)),
        (not_square, (1, 3, 9, 9)),
    ],
)
@torch.no_grad()
def test_decisions_on_sizes_raise_where_they_come_out_otherwise(forward, other) -> None:
    model, fused, certificate = fused_with(forward)
    assert certificate.regions
    assert is_noted(certificate)
    x = torch.randn(1, 3, 7, 12)
    torch.testing.assert_close(fused(x), model(x), **MERGED_NETWORK)
    with pytest.raises(AssertionError, match="fuse it with an example of this size"):
        fused(torch.randn(other))


@torch.no_grad()
def test_weights_written_in_the_forward_pass_are_computed_once() -> None:
    def forward(self, x):
        kernel = torch.zeros(3, 3, 1, 1, dtype=next(self.parameters()).dtype)
        for index in range(3):
            kernel[index, index] = self.other.weight[index, index]
        return self.second(self.first(x)) + functional.conv2d(x, kernel)

    model, fused, certificate = fused_with(forward)
    assert [region.branches for region in certificate.regions] == [3]
    x = torch.randn(2, 3, 7, 5)
    torch.testing.assert_close(fused(x), model(x), **MERGED_NETWORK)
