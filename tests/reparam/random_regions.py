"""Random linear regions: nested sums and concatenations of padded, strided, grouped chains.

All branches of a join see the same input and return the same size, whatever their kernels, so
that every region is one convolution: a branch of total kernel K and stride s pads K − 1 + e pixels
in all, split at random between front and back, and every result has ⌊(H − 1 + e)/s⌋ + 1 rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.reparam.foreign_models import trained_looking
from tests.reparam.random_graphs import Concat, Scale, Sum

Pair = tuple[int, int]

kernels = st.integers(1, 7) | st.tuples(st.integers(1, 7), st.integers(1, 7))
CHANNELS = (1, 2, 3, 4, 6)


@dataclass
class Region:
    """A linear region and what is in it.

    Attributes:
        model: its branches, a join of them, perhaps a BatchNorm behind.
        channels: channels of its input.
        traits: how often each dimension of the grammar occurs in it.
    """

    model: nn.Sequential
    channels: int
    traits: Counter[str] = field(default_factory=Counter)


TRAITS = (
    *(f"kernel {size}" for size in range(1, 8)),
    "odd kernel",
    "even kernel",
    "non-square kernel",
    "stride 2 or more",
    "stride not square",
    "stride within a chain",
    "dilation",
    "groups",
    "uneven padding",
    "BatchNorm inside",
    "BatchNorm between",
    "BatchNorm after a join",
    "bias",
    "chain",
    "identity",
    "pool",
    "scale",
    "concatenation",
    "difference",
    "nested once",
    "nested twice",
)


@st.composite
def regions(draw: st.DrawFn, deepest: int = 3) -> Region:
    """A region with trained-looking statistics."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    channels = draw(st.sampled_from(CHANNELS))
    stride = draw(st.sampled_from([(1, 1)] * 3 + [(2, 2), (1, 2), (2, 1), (3, 1), (2, 4), (4, 4)]))
    extra = draw(st.sampled_from([(0, 0), (0, 0), (0, 1), (2, 1)]))
    region = Region(nn.Sequential(), channels)
    depth = draw(st.integers(1, deepest))
    join, after = draw(_joins(region, channels, stride, extra, depth))
    region.model.append(join)
    if draw(st.booleans()):
        region.traits["BatchNorm after a join"] += 1
        region.model.append(nn.BatchNorm2d(after))
    region.traits["nested once"] += depth >= 2
    region.traits["nested twice"] += depth >= 3
    trained_looking(region.model)
    return region


@st.composite
def _joins(
    draw: st.DrawFn, region: Region, channels: int, stride: Pair, extra: Pair, depth: int
) -> tuple[nn.Module, int]:
    after = channels if draw(st.booleans()) else draw(st.sampled_from(CHANNELS))
    count = draw(st.integers(2, 3))
    concatenated = draw(st.integers(0, 3)) == 0
    branches = []
    if depth > 1:
        branches.append(draw(_nested(region, channels, after, stride, extra, depth)))
    while len(branches) < count:
        branches.append(draw(_chains(region, channels, after, stride, extra)))
    if after == channels and stride == (1, 1) and draw(st.booleans()):
        region.traits["identity"] += 1
        left, top = draw(st.integers(0, extra[1])), draw(st.integers(0, extra[0]))
        around = (left, extra[1] - left, top, extra[0] - top)
        branches.append(nn.ZeroPad2d(around) if any(extra) else nn.Identity())
    branches = draw(st.permutations(branches))
    if concatenated:
        region.traits["concatenation"] += 1
        return Concat(branches, False), after * len(branches)
    minus = draw(st.booleans())
    region.traits["difference"] += minus
    return Sum(branches, minus), after


@st.composite
def _nested(
    draw: st.DrawFn,
    region: Region,
    channels: int,
    after: int,
    stride: Pair,
    extra: Pair,
    depth: int,
) -> nn.Module:
    """A join with a convolution behind it that does not pad."""
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    outer = tuple(
        (side - 1) * step + more for side, step, more in zip(kernel, stride, extra, strict=True)
    )
    join, between = draw(_joins(region, channels, stride, (outer[0], outer[1]), depth - 1))
    parts = [join]
    if draw(st.booleans()):
        region.traits["BatchNorm after a join"] += 1
        parts.append(nn.BatchNorm2d(between))
    parts.append(nn.Conv2d(between, after, kernel))
    _count_kernel(region, kernel)
    return nn.Sequential(*parts)


@st.composite
def _chains(
    draw: st.DrawFn, region: Region, channels: int, after: int, stride: Pair, extra: Pair
) -> nn.Module:
    """Convolutions and perhaps a pool; only what comes first pads."""
    count = draw(st.sampled_from([1, 1, 2, 3]))
    strided = draw(st.integers(0, count - 1))
    # A region of pools alone is left as it is, so a pool has a convolution beside it.
    pooled = draw(st.integers(0, count - 1)) if count > 1 and draw(st.booleans()) else None
    region.traits["chain"] += count > 1
    region.traits["stride 2 or more"] += max(stride) > 1
    region.traits["stride not square"] += stride[0] != stride[1]
    region.traits["stride within a chain"] += max(stride) > 1 and count > 1
    parts: list[nn.Module] = []
    padding = [extra[0], extra[1]]
    for index in range(count):
        last = index == count - 1
        width = after if last else draw(st.sampled_from(CHANNELS))
        step = stride if index == strided else (1, 1)
        so_far = stride if index > strided else (1, 1)
        part = draw(_steps(region, channels, width, step, index == pooled))
        for axis in (0, 1):
            padding[axis] += (_reach(part)[axis] - 1) * so_far[axis]
        parts.append(part)
        if draw(st.booleans()):
            kind = "inside" if last else "between"
            region.traits[f"BatchNorm {kind}"] += 1
            parts.append(nn.BatchNorm2d(width))
        elif draw(st.integers(0, 3)) == 0:
            region.traits["scale"] += 1
            parts.append(Scale(width, draw(st.integers(0, 2))))
        channels = width
    top, left = (draw(st.integers(0, total)) for total in padding)
    first = parts[0]
    if isinstance(first, nn.Conv2d) and draw(st.booleans()) and not any(p % 2 for p in padding):
        first.padding = (padding[0] // 2, padding[1] // 2)
        return nn.Sequential(*parts)
    region.traits["uneven padding"] += top != padding[0] - top or left != padding[1] - left
    return nn.Sequential(nn.ZeroPad2d((left, padding[1] - left, top, padding[0] - top)), *parts)


@st.composite
def _steps(
    draw: st.DrawFn, region: Region, before: int, after: int, stride: Pair, pooled: bool
) -> nn.Module:
    kernel = draw(kernels)
    kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
    if before == after and pooled:
        region.traits["pool"] += 1
        return nn.AvgPool2d(kernel, stride)
    _count_kernel(region, kernel)
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 3), (2, 1)]))
    groups = draw(st.sampled_from([g for g in (1, 2, 3, 6) if before % g == after % g == 0]))
    bias = draw(st.booleans())
    region.traits["dilation"] += dilation != (1, 1) and max(kernel) > 1
    region.traits["groups"] += groups > 1
    region.traits["bias"] += bias
    return nn.Conv2d(before, after, kernel, stride, 0, dilation, groups, bias)


def _reach(part: nn.Module) -> Pair:
    if isinstance(part, nn.AvgPool2d):
        assert isinstance(part.kernel_size, tuple)
        return part.kernel_size
    assert isinstance(part, nn.Conv2d)
    rows, columns = (
        (side - 1) * step + 1 for side, step in zip(part.kernel_size, part.dilation, strict=True)
    )
    return rows, columns


def _count_kernel(region: Region, kernel: Pair) -> None:
    for side in set(kernel):
        region.traits[f"kernel {side}"] += 1
    region.traits["odd kernel"] += all(side % 2 for side in kernel)
    region.traits["even kernel"] += any(side % 2 == 0 for side in kernel)
    region.traits["non-square kernel"] += kernel[0] != kernel[1]


@torch.no_grad()
def summed_branch_rms(region: Region, x: Tensor) -> float:
    """RMS of what each branch of the outermost join adds to the result, summed.

    With a BatchNorm behind the join a branch b adds γ/σ·b, and the BatchNorm itself β − μ·γ/σ.
    """
    join = region.model[0]
    assert isinstance(join, Sum)
    outputs = [branch(x).double() for branch in join.branches]
    if isinstance(join, Concat):
        outputs = [torch.cat(outputs, 1)]
    if len(region.model) > 1:
        bn = region.model[1]
        assert isinstance(bn, nn.BatchNorm2d)
        scale = bn.weight.double() / (bn.running_var.double() + bn.eps).sqrt()
        outputs = [output * scale[:, None, None] for output in outputs]
        outputs.append(bn.bias.double() - bn.running_mean.double() * scale)
    return float(sum(output.square().mean().sqrt() for output in outputs)) + 1e-30
