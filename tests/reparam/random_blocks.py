"""Random multi-branch blocks over all branch types, with statistics as after training."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.reparam import (
    BranchConfig,
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
)
from edge_sdk.reparam.branches import FixedBranchConfig, PoolBranchConfig

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
"""Largest error, relative to the summed RMS of the branches."""

places = st.sampled_from(["none", "each", "last", "between"])
sizes = st.integers(1, 7) | st.tuples(st.integers(1, 7), st.integers(1, 7))


@st.composite
def conv_configs(draw: st.DrawFn) -> ConvBranchConfig:
    kernels = draw(st.lists(sizes, min_size=1, max_size=3))
    widths = draw(st.lists(st.integers(1, 5), min_size=len(kernels) - 1, max_size=len(kernels) - 1))
    return ConvBranchConfig(tuple(kernels), tuple(widths), draw(places))


first_type_configs: st.SearchStrategy[BranchConfig] = st.one_of(
    conv_configs(),
    st.builds(PoolBranchConfig, sizes, places),
    st.builds(FixedBranchConfig, st.sampled_from(["sobel_x", "sobel_y", "laplacian"])),
)
identity_configs: st.SearchStrategy[BranchConfig] = st.builds(IdentityBranchConfig, places)


@st.composite
def blocks(draw: st.DrawFn, most: int = 5) -> MultiBranchConv2d:
    before, after = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    branch = first_type_configs | identity_configs if before == after else first_type_configs
    configs = [
        draw(first_type_configs),
        *draw(st.lists(branch, min_size=1, max_size=most - 1)),
    ]
    configs = draw(st.permutations(configs))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    return trained_looking(MultiBranchConv2d(before, after, configs, norm=draw(st.booleans())))


def trained_looking(model: nn.Module) -> nn.Module:
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_()
            part.running_var.uniform_(0.05, 4)
            nn.init.normal_(part.weight, 1, 0.5)
            nn.init.normal_(part.bias)
        if hasattr(part, "shift"):
            nn.init.normal_(part.scale)
            nn.init.normal_(part.shift)
    return model.eval()


@torch.no_grad()
def summed_rms(block: MultiBranchConv2d, x: Tensor) -> float:
    """RMS of the branches' outputs, added up: branches may cancel each other, rounding does not."""
    around = (block.size // 2,) * 4
    padded = nn.functional.pad(x, around)
    scale = shift = 1.0
    if block.norm is not None:
        deviation = (block.norm.running_var + block.norm.eps).sqrt()
        scale = float((block.norm.weight / deviation).abs().max())
        shift = float((block.norm.running_mean / deviation).abs().max()) + 1
    total = 0.0
    for branch in block.branches:
        spare = [side - k for side, k in zip(padded.shape[2:], branch.kernel, strict=True)]
        if min(spare) < 0:
            padded = nn.functional.pad(padded, around)
        total += float(branch(padded).square().mean().sqrt())
    return total * scale + shift * (block.norm is not None) + 1e-30
