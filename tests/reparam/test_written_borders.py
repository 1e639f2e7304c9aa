"""Padding whose borders are written over: one kernel only if they are borders at every size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.reparam import Certificate, fuse
from tests.tolerances import MERGED

EXAMPLE = torch.rand(1, 3, 9, 9)
ROWS, COLUMNS = 2, 3


class Written(nn.Module):
    """A 1×1 convolution, padded, its borders written with its bias, and a 3×3 convolution."""

    def __init__(self, *borders: tuple[int, slice], last_value: float | None = None) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3)
        self.borders, self.last_value = borders, last_value

    def forward(self, x: Tensor) -> Tensor:
        y = functional.pad(self.first(x), (1, 1, 1, 1))
        bias = self.first.bias.view(1, -1, 1, 1)
        for position, (axis, part) in enumerate(self.borders):
            index = [slice(None)] * 4
            index[axis] = part
            last = position == len(self.borders) - 1 and self.last_value is not None
            y[tuple(index)] = self.last_value if last else bias
        return self.second(y)


def merged(model: nn.Module) -> Certificate:
    fused, certificate = fuse(model, EXAMPLE)
    for size in (3, 9, 14):
        x = torch.rand(1, 3, size, size + 1)
        torch.testing.assert_close(fused(x), model(x), **MERGED)
    return certificate


FRONT = ((ROWS, slice(1)), (COLUMNS, slice(0, 1)))


def test_borders_counted_from_both_ends_join_the_kernel() -> None:
    model = Written(*FRONT, (ROWS, slice(-1, None)), (COLUMNS, slice(-1, None)))
    assert len(merged(model).regions) == 1


@pytest.mark.parametrize(
    "back",
    [slice(10, 11), slice(10, None), slice(-1, 11)],
    ids=["both ends fixed", "start fixed", "end fixed"],
)
def test_a_border_of_the_example_only_is_refused(back: slice) -> None:
    certificate = merged_where_it_fits(Written(*FRONT, (ROWS, back), (COLUMNS, back)))
    assert certificate.regions == ()
    assert any("fixed row or column" in refusal.reason for refusal in certificate.refusals)


def merged_where_it_fits(model: nn.Module) -> Certificate:
    fused, certificate = fuse(model, EXAMPLE)
    for size in (11, 14):
        x = torch.rand(1, 3, size, size)
        torch.testing.assert_close(fused(x), model(x), **MERGED)
    return certificate


def test_a_whole_picture_of_the_example_only_is_no_border() -> None:
    certificate = merged_where_it_fits(Written((ROWS, slice(0, 11))))
    assert certificate.regions == ()


@torch.no_grad()
def test_borders_written_with_two_values_stay_apart() -> None:
    back = ((ROWS, slice(-1, None)), (COLUMNS, slice(-1, None)))
    assert merged(Written(*FRONT, *back, last_value=0.7)).regions == ()
