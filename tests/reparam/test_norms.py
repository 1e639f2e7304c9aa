"""BatchNorm behind layers other than convolutions of pictures."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edge_sdk.reparam import fuse
from tests.builders.conversion_nets import seeded


def drawn(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.normal_(0, 0.5)
    norm.running_var.uniform_(0.2, 3)
    return norm


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_it_merges_into_a_transposed_convolution(groups: int, bias: bool) -> None:
    torch.manual_seed(0)
    deconv = nn.ConvTranspose2d(4, 8, 4, 2, 1, groups=groups, bias=bias)
    model = nn.Sequential(deconv, drawn(nn.BatchNorm2d(8)), nn.ReLU()).eval()
    fused, certificate = fuse(model, torch.rand(1, 4, 7, 8))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())
    assert certificate.regions[0].members == ("0", "1")
    assert certificate.error_float64 < 1e-11


def test_it_merges_into_a_linear_layer() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 6), drawn(nn.BatchNorm1d(6))).eval()
    fused, certificate = fuse(model, torch.rand(2, 3, 4, 4))
    assert not any(isinstance(part, nn.BatchNorm1d) for part in fused.modules())
    assert certificate.error_float64 < 1e-11


def test_it_stays_where_the_layer_is_read_elsewhere() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.norm = nn.ConvTranspose2d(4, 4, 2, 2), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            up = self.up(x)
            return self.norm(up) * up

    fused, certificate = fuse(seeded(Both).eval(), torch.rand(1, 4, 5, 5))
    assert certificate.regions == ()
    assert any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())


def test_a_list_of_parts_is_traced_by_the_lengths_of_the_example() -> None:
    class Grow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head, self.part = nn.Conv2d(3, 8, 3), nn.Conv2d(4, 4, 1)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found = list(self.head(x).chunk(2, 1))
            found.append(torch.relu(self.norm(self.part(found[-1]))))
            return torch.cat(found, 1)

    _, certificate = fuse(seeded(Grow).eval(), torch.rand(1, 3, 9, 9))
    assert certificate.error_float64 < 1e-11
    assert [region.members for region in certificate.regions] == [("part", "norm")]
