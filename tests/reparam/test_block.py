from __future__ import annotations

from collections import Counter
from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam import (
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    five_branches,
    sesr_branches,
)
from edge_sdk.reparam.blocks.branches import PoolBranchConfig
from tests.examples import examples
from tests.reparam.random_blocks import blocks, summed_rms, trained_looking
from tests.tolerances import RELATIVE_TO_SUM

DTYPES = list(RELATIVE_TO_SUM)


@torch.no_grad()
def block_error(block: MultiBranchConv2d, size: tuple[int, int], dtype: torch.dtype) -> float:
    """Largest error of the merged convolution, of the summed RMS of the branches."""
    block = block.to(dtype)
    x = torch.randn(2, block.in_channels, *size, dtype=dtype)
    expected, conv = block(x), block.fused()
    actual = conv(x)
    assert conv.kernel_size == block.kernel
    assert actual.shape == expected.shape == (2, block.out_channels, *size)
    return float((actual - expected).abs().max()) / summed_rms(block, x)


def traits(block: MultiBranchConv2d) -> set[str]:
    """What a block holds, of the dimensions that must be met often."""
    found = {"norm after the sum"} if block.norm is not None else set()
    for config in block.configs:
        place = getattr(config, "batch_norm", "none")
        found |= {config.kind, f"{config.kind}, BatchNorm {place}"}
        if len(config.steps) > 1:
            found.add("steps in sequence")
        for height, width in config.steps:
            found |= {f"kernel {height}", f"kernel {width}"}
            found.add("odd" if height % 2 and width % 2 else "even")
            if height != width:
                found.add("non-square")
    return found


def check_blocks(count: int) -> Counter[str]:
    """Check ``count`` random blocks; how many hold each trait."""
    seen: Counter[str] = Counter()

    # The same draws each time: traits are counted, and a count by chance would fail now and then.
    @examples(count, derandomize=True)
    @given(blocks(), st.tuples(st.integers(1, 12), st.integers(1, 12)), st.sampled_from(DTYPES))
    def check(block: MultiBranchConv2d, size: tuple[int, int], dtype: torch.dtype) -> None:
        assert block_error(block, size, dtype) <= RELATIVE_TO_SUM[dtype]
        seen.update(traits(block) | {str(dtype)})

    check()
    return seen


@pytest.mark.slow
def test_fused_equals_branches_on_every_pixel() -> None:
    check_blocks(150)


@pytest.mark.slow
def test_many_blocks_hold_every_dimension_often() -> None:
    seen = check_blocks(1000)
    expected = [f"kernel {size}" for size in range(1, 8)]
    expected += ["odd", "even", "non-square", "steps in sequence", "norm after the sum"]
    expected += ["fixed", *(str(dtype) for dtype in DTYPES)]
    places = ("none", "each", "last", "between")
    expected += [
        f"{k}, BatchNorm {place}" for k in ("conv", "identity", "pool") for place in places
    ]
    assert not {trait: seen[trait] for trait in expected if seen[trait] < 20}


@examples(40)
@given(blocks(), st.data())
@torch.no_grad()
def test_merged_groups_equal_branches_on_every_pixel(block, data) -> None:
    count = len(block.branches)
    labels = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    groups = [[index for index in range(count) if labels[index] == label] for label in (0, 1)]
    groups = [group for group in groups if len(group) > 1]
    if not groups or len(groups[0]) == count:
        return
    dtype = data.draw(st.sampled_from(list(RELATIVE_TO_SUM)))
    block = block.to(dtype)
    merged = block.merged(groups)
    x = torch.randn(2, block.in_channels, 9, 8, dtype=dtype)
    assert len(merged.branches) == count - sum(len(group) - 1 for group in groups)
    assert merged.kernel == block.kernel
    for other in (merged, merged.fused()):
        error = float((other(x) - block(x)).abs().max())
        assert error <= RELATIVE_TO_SUM[dtype] * summed_rms(block, x)


@pytest.mark.parametrize("size", [1, 2, 3, 4, (1, 3), (3, 1), (2, 5), (4, 4)])
@torch.no_grad()
def test_outputs_keep_the_size_and_pad_the_odd_pixel_behind(size) -> None:
    block = trained_looking(
        MultiBranchConv2d(1, 1, (ConvBranchConfig((size,)), IdentityBranchConfig()))
    ).double()
    height, width = block.kernel
    x = torch.zeros(1, 1, 11, 11, dtype=torch.float64)
    x[..., 5, 5] = 1
    response = block.fused()(x) - block.fused()(torch.zeros_like(x))
    assert response.shape == x.shape
    rows, columns = response[0, 0].nonzero().unbind(1)
    assert (int(rows.min()), int(rows.max())) == (5 - height // 2, 5 + (height - 1) // 2)
    assert (int(columns.min()), int(columns.max())) == (5 - width // 2, 5 + (width - 1) // 2)


def test_fusing_leaves_the_block_as_it_was() -> None:
    block = trained_looking(MultiBranchConv2d(3, 3, five_branches(5), collapsed=True, norm=True))
    before = deepcopy(block.state_dict())
    conv = block.fused()
    merged = block.merged([(0, 2)])
    merged.branches[1].layers[0].weight.data.zero_()
    assert not conv.training
    assert conv.weight.dtype == torch.float32
    assert conv.weight.is_leaf
    assert conv.weight.requires_grad
    assert all(torch.equal(before[name], tensor) for name, tensor in block.state_dict().items())
    assert merged.collapsed
    assert block.configs == five_branches(5)


def test_merged_branches_stand_where_the_first_of_their_group_stood() -> None:
    block = trained_looking(MultiBranchConv2d(2, 2, five_branches(4)))
    merged = block.merged([(3, 1), (2, 4)])
    assert merged.configs == (
        five_branches(4)[0],
        ConvBranchConfig(((3, 3),)),
        ConvBranchConfig(((3, 3),)),
    )
    assert block.merged([(3, 4)]).configs[-1] == ConvBranchConfig(((1, 1),))


def test_a_block_in_training_mode_does_not_merge() -> None:
    for block in (
        MultiBranchConv2d(2, 2, five_branches(4)),
        MultiBranchConv2d(2, 2, sesr_branches(4), norm=True),
    ):
        with pytest.raises(FusionError, match="call eval"):
            block.train().fused()
        with pytest.raises(FusionError, match="call eval"):
            block.train().merged([(0, 1)])


def test_an_identity_with_batch_norm_is_enough() -> None:
    configs = (IdentityBranchConfig("last"), IdentityBranchConfig())
    block = trained_looking(MultiBranchConv2d(2, 2, configs))
    x = torch.randn(1, 2, 3, 4)
    torch.testing.assert_close(block.fused()(x), block(x))


def test_parameters_are_named_as_in_stored_models() -> None:
    names = set(
        MultiBranchConv2d(2, 2, (*five_branches(3), IdentityBranchConfig("last"))).state_dict()
    )
    assert {
        "branches.0.layers.0.weight",
        "branches.0.layers.3.bias",
        "branches.5.bn.weight",
    } <= names
    assert not any("taps" in name or "norm" in name for name in names)


@pytest.mark.parametrize(
    ("channels", "configs", "message"),
    [
        ((2, 2), (), "not 0"),
        ((2, 2), (ConvBranchConfig((3,)),), "not 1"),
        ((2, 3), sesr_branches(4), "2 channels into 3"),
        ((2, 2), (IdentityBranchConfig(), IdentityBranchConfig()), "add a convolution"),
        ((0, 2), (ConvBranchConfig((3,)),) * 2, "one or more"),
        ((2, -1), (PoolBranchConfig(3),) * 2, "one or more"),
    ],
)
def test_blocks_that_cannot_be_are_refused(channels, configs, message) -> None:
    with pytest.raises(InputError, match=message):
        MultiBranchConv2d(*channels, configs)
