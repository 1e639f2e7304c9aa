from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from edge_sdk.errors import InputError
from edge_sdk.reparam import MultiBranchConv2d
from edge_sdk.reparam.blocks.presets import (
    BlockConfig,
    acnet,
    dbb,
    ecb,
    figure,
    preset,
    qarepvgg,
    repvgg,
    sesr,
)
from tests.reparam.random_blocks import trained_looking
from tests.tolerances import DOUBLE

NAMES = ("figure", "sesr", "ecb", "dbb", "repvgg", "qarepvgg", "acnet")
BRANCHES = (5, 2, 6, 4, 3, 3, 3)


@pytest.mark.parametrize(("name", "count"), [*zip(NAMES, BRANCHES, strict=True)])
@torch.no_grad()
def test_presets_merge_into_3x3(name, count) -> None:
    config = preset(name, 7)
    block = trained_looking(MultiBranchConv2d(3, 3, config.branches, norm=config.norm)).double()
    conv = block.fused()
    assert len(block.branches) == count
    assert conv.kernel_size == (3, 3)
    assert conv.padding == (1, 1)
    assert sum(parameter.numel() for parameter in conv.parameters()) == 3 * 3 * 9 + 3
    x = torch.randn(1, 3, 8, 7, dtype=torch.float64)
    torch.testing.assert_close(conv(x), block(x), **DOUBLE)


@pytest.mark.parametrize("name", NAMES)
def test_presets_survive_the_file(name) -> None:
    file = TypeAdapter(BlockConfig)
    assert file.validate_json(file.dump_json(preset(name, 5))) == preset(name, 5)


def test_batch_norms_stand_where_the_papers_put_them() -> None:
    def norms(config: BlockConfig) -> int:
        block = MultiBranchConv2d(4, 4, config.branches, norm=config.norm)
        return sum(isinstance(part, nn.BatchNorm2d) for part in block.modules())

    counted = [figure(8), sesr(8), ecb(8), dbb(8), repvgg(), qarepvgg(), acnet()]
    assert [norms(config) for config in counted] == [5, 0, 0, 6, 3, 2, 3]


def test_without_identity_channels_may_differ() -> None:
    for config in (
        figure(4, identity=False),
        ecb(4, identity=False),
        repvgg(identity=False),
        qarepvgg(identity=False),
        dbb(4),
        acnet(),
    ):
        block = MultiBranchConv2d(2, 3, config.branches, norm=config.norm).eval()
        assert block.fused().weight.shape == (3, 2, 3, 3)


def test_presets_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InputError, match="'vgg' is unknown; choose one of: figure, sesr"):
        preset("vgg", 4)
    with pytest.raises(InputError, match="two branches or more, not 1"):
        BlockConfig(sesr(4).branches[:1])
