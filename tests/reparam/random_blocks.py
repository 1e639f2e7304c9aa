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
from edge_sdk.reparam.blocks.branches import FixedBranchConfig, PoolBranchConfig

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
    before = draw(st.integers(1, 4))
    after = before if draw(st.booleans()) else draw(st.integers(1, 4))
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
    """RMS of what each branch adds to the output, summed: branches may cancel, rounding does not.

    With a BatchNorm after the sum a branch b adds γ/σ·b, and the BatchNorm itself β − μ·γ/σ.
    """
    rows, columns = block.kernel
    around = ((columns - 1) // 2, columns // 2, (rows - 1) // 2, rows // 2)
    padded = nn.functional.pad(x, around)
    outputs = []
    for branch in block.branches:
        height, width = branch.kernel
        top, left = (rows - 1) // 2 - (height - 1) // 2, (columns - 1) // 2 - (width - 1) // 2
        window = padded[
            :, :, top : top + x.shape[2] + height - 1, left : left + x.shape[3] + width - 1
        ]
        outputs.append(branch(window).double())
    if block.norm is not None:
        scale = block.norm.weight.double()
        scale = scale / (block.norm.running_var.double() + block.norm.eps).sqrt()
        outputs = [output * scale[:, None, None] for output in outputs]
        outputs.append(block.norm.bias.double() - block.norm.running_mean.double() * scale)
    return float(sum(output.square().mean().sqrt() for output in outputs)) + 1e-30
