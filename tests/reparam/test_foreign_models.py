from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from edge_sdk.reparam import fuse
from tests.reparam import foreign_models as foreign
from tests.tolerances import MERGED_UNSCALED

CONVOLUTIONS = {torch.conv2d, functional.conv2d}


def counts(model: nn.Module) -> tuple[int, int, int]:
    """Convolutions that run, BatchNorms and sums left in a fused graph."""
    assert isinstance(model, torch.fx.GraphModule)
    convs = sum(isinstance(part, nn.Conv2d) for part in model.modules())
    assert not any(node.target in CONVOLUTIONS for node in model.graph.nodes)
    norms = sum(isinstance(part, nn.BatchNorm2d) for part in model.modules())
    sums = sum("add" in node.name for node in model.graph.nodes)
    return convs, norms, sums


REPVGG = [
    foreign.RepVGGBlock(3, 6, stride=2),
    foreign.RepVGGBlock(6, 6),
    foreign.RepVGGBlock(6, 6, groups=2),
]
MOBILEONE = [
    foreign.MobileOneBlock(3, 3, 3, groups=3, branches=4),
    foreign.MobileOneBlock(3, 8, 1, groups=1, branches=4),
    foreign.MobileOneBlock(8, 8, 3, groups=8, branches=2),
    foreign.MobileOneBlock(8, 8, 1, groups=1, branches=2),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "channels", "expected"),
    [
        pytest.param(lambda: nn.Sequential(*REPVGG), 3, (3, 0, 0), id="RepVGG"),
        pytest.param(lambda: nn.Sequential(*MOBILEONE), 3, (4, 0, 0), id="MobileOne"),
        pytest.param(
            lambda: nn.Sequential(
                foreign.DiverseBranchBlock(3, 3), foreign.DiverseBranchBlock(3, 6)
            ),
            3,
            (2, 0, 0),
            id="DBB",
        ),
        pytest.param(
            lambda: nn.Sequential(foreign.ACBlock(3, 4), foreign.ACBlock(4, 4, stride=2)),
            3,
            (2, 0, 0),
            id="ACNet",
        ),
        pytest.param(
            lambda: nn.Sequential(
                foreign.CroppingACBlock(3, 4),
                foreign.CroppingACBlock(4, 4, stride=2),
                foreign.CroppingACBlock(4, 5, kernel=5, padding=1),
                foreign.CroppingACBlock(5, 5, padding=1),
                foreign.CroppingACBlock(5, 3, kernel=5, padding=4),
            ),
            3,
            (5, 0, 0),
            id="ACNet crop",
        ),
        pytest.param(lambda: foreign.SESR(), 1, (5, 0, 2), id="SESR"),
        pytest.param(lambda: foreign.ResNet(nn.MaxPool2d(3, 2, 1)), 3, (8, 0, 3), id="ResNet max"),
        pytest.param(lambda: foreign.ResNet(nn.AvgPool2d(2)), 3, (8, 0, 3), id="ResNet mean"),
        pytest.param(lambda: foreign.Inception(3), 3, (6, 0, 0), id="Inception"),
    ],
)
@torch.no_grad()
def test_as_many_convolutions_as_their_own_method_leaves(model, channels, expected) -> None:
    model = foreign.trained_looking(model())
    fused, certificate = fuse(model, torch.rand(1, channels, 24, 21))
    assert counts(fused) == expected
    assert certificate.macs_after <= certificate.macs_before
    assert certificate.parameters_after <= certificate.parameters_before
    x = torch.randn(2, channels, 19, 26)
    torch.testing.assert_close(fused(x), model(x.clone()), **MERGED_UNSCALED)


@torch.no_grad()
def test_edge_oriented_blocks_become_one_convolution_each() -> None:
    # As their authors write them, with a comparison of channels in the forward pass.
    model = nn.Sequential(foreign.ECB(3, 3), foreign.ECB(3, 3)).eval()
    fused, certificate = fuse(model, torch.rand(1, 3, 12, 11))
    assert counts(fused) == (2, 0, 0)
    assert certificate.refusals == ()
    assert [region.branches for region in certificate.regions] == [9, 9]
    # Functional convolutions are counted too: per block 3×3, then 1×1 and 3×3 four times.
    first = 3 * 3 * 9 + 3 * 6 + 3 * 9
    assert certificate.macs_before == 2 * 132 * (first + 6 * 3 * 9 + 3 * (3 * 9))
    assert certificate.macs_after == 2 * 132 * 3 * 3 * 9
    x = torch.randn(1, 3, 9, 9)
    torch.testing.assert_close(fused(x), model(x), **MERGED_UNSCALED)


def test_a_stem_with_average_pooling_behind_it_is_one_convolution() -> None:
    stem = nn.Sequential(*foreign.conv_bn(3, 8, 7, 2, 3), nn.AvgPool2d(2))
    fused, certificate = fuse(foreign.trained_looking(stem), torch.rand(1, 3, 32, 32))
    assert counts(fused) == (1, 0, 0)
    assert certificate.regions[0].kernel == (9, 9)
    assert certificate.macs_after < certificate.macs_before


def test_towers_without_activation_join_where_that_is_no_more_expensive() -> None:
    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = foreign.conv_bn(3, 4, 3, padding=1), foreign.conv_bn(3, 2, 3, 1, 1)

        def forward(self, x):
            return torch.cat([self.a(x), self.b(x)], dim=1)

    fused, certificate = fuse(foreign.trained_looking(Towers()), torch.rand(1, 3, 9, 9))
    assert counts(fused) == (1, 0, 0)
    assert certificate.macs_after == certificate.macs_before
