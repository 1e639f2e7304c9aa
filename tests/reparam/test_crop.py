"""Rows and columns cut off by slices are kernels, and what is not is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam import LinearOperator, Padding, fuse
from edge_sdk.reparam.linear.algebra import compose
from tests.examples import examples
from tests.tolerances import MERGED

CUTS = st.integers(0, 2)


class Cropped(nn.Module):
    """A kernel that sees more, and a smaller one on what is cut to its size."""

    def __init__(self, index: tuple[object, ...], kernel: tuple[int, int], padding=(0, 0)) -> None:
        super().__init__()
        self.index = index
        self.large = nn.Conv2d(2, 3, 5)
        self.small = nn.Conv2d(2, 3, kernel, padding=padding)

    def forward(self, x):
        return torch.relu(self.large(x) + self.small(x[self.index]))


def convolutions(model: nn.Module) -> int:
    return sum(isinstance(part, nn.Conv2d) for part in model.modules())


@pytest.mark.slow
@examples(40)
@given(CUTS, CUTS, CUTS, CUTS, st.booleans())
@torch.no_grad()
def test_what_is_cut_joins_the_kernel(top, bottom, left, right, ellipsis) -> None:
    rows = slice(top or None, -bottom or None)
    columns = slice(left or None, -right or None)
    whole = slice(None)
    index = (Ellipsis, rows, columns) if ellipsis else (whole, whole, rows, columns)
    model = Cropped(index, (5 - top - bottom, 5 - left - right))
    fused, _ = fuse(model, torch.rand(1, 2, 9, 10))
    assert convolutions(fused) == 1
    for size in ((5, 6), (11, 8)):
        x = torch.randn(1, 2, *size)
        torch.testing.assert_close(fused(x), model(x), **MERGED)


@torch.no_grad()
def test_padding_in_one_direction_passes_a_cut_in_the_other() -> None:
    model = Cropped((slice(None), slice(None), slice(2, -2)), (1, 7), (0, 1))
    model.large = nn.Conv2d(2, 3, (5, 7), padding=(0, 1))
    fused, _ = fuse(model, torch.rand(1, 2, 9, 10))
    assert convolutions(fused) == 1
    x = torch.randn(1, 2, 7, 8)
    torch.testing.assert_close(fused(x), model(x), **MERGED)


@pytest.mark.parametrize(
    ("index", "kernel"),
    [
        ((slice(None), slice(None), slice(0, 5), slice(0, 6)), (1, 1)),
        ((slice(None), slice(None), slice(-5, None), slice(None)), (1, 5)),
        ((slice(None), slice(None), slice(2, -2), slice(None, None, 2)), (1, 1)),
    ],
)
def test_what_no_kernel_cuts_is_refused(index, kernel) -> None:
    model = Cropped(index, kernel)
    model.large = nn.Conv2d(
        2, 3, (5, 5), stride=(1, 2) if index[3].step else (1, 1), padding=(0, 0)
    )
    if index[3].step:
        model.large = nn.Conv2d(2, 3, (5, 1), stride=(1, 2))
    fused, certificate = fuse(model, torch.rand(1, 2, 9, 10))
    assert convolutions(fused) == 2
    assert any("fixed row or column" in refusal.reason for refusal in certificate.refusals)


class WrittenThrough(nn.Module):
    """What is cut shares memory with the picture, and is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 3, 3), nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x):
        y = x * 2
        inner = y[:, :, 1:-1, 1:-1]
        inner += 1
        return self.b(inner) + self.a(y)


@torch.no_grad()
def test_what_is_written_through_a_cut_is_never_lost() -> None:
    model = WrittenThrough()
    x = torch.rand(1, 2, 9, 10)
    try:
        fused, _ = fuse(model, x)
    except FusionError:
        return
    torch.testing.assert_close(fused(x), model(x.clone()), **MERGED)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [((1, 3), (1, 2), Padding(2, 1, 0, 0)), ((3, 1), (2, 1), Padding(0, 0, 1, 3))],
)
def test_padding_across_a_line_kernel_is_one_kernel(kernel, stride, padding) -> None:
    torch.manual_seed(0)
    double = torch.float64
    first = LinearOperator(
        torch.randn(3, 2, *kernel, dtype=double), torch.zeros(3, dtype=double), stride=stride
    )
    second = LinearOperator(
        torch.randn(2, 3, 2, 2, dtype=double), torch.randn(2, dtype=double), padding
    )
    x = torch.randn(1, 2, 9, 8, dtype=double)
    torch.testing.assert_close(compose(first, second)(x), second(first(x)))
    turned = Padding(padding.left, padding.right, padding.top, padding.bottom)
    with pytest.raises(FusionError, match="padding between two kernels"):
        compose(first, LinearOperator(second.kernel, second.bias, turned))
    biased = LinearOperator(first.kernel, first.bias + 1, stride=stride)
    with pytest.raises(FusionError, match="a bias followed by zero padding"):
        compose(biased, second)
