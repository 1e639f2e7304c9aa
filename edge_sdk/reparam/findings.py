"""What fusing found: parts that were merged, and steps that were left unmerged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """One linear part of the model that was merged into one convolution.

    Attributes:
        name: qualified name of the merged layer.
        branches: number of branches of a block, or of convolutions in a region of a graph, before.
        kernel: height and width of the merged kernel, in pixels.
        members: names of the modules that it replaces; empty for a block.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import fuse
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
        >>> fused, certificate = fuse(model, torch.rand(1, 3, 12, 12))
        >>> [(region.members, region.kernel) for region in certificate.regions]
        [(('0', '1'), (3, 3))]
    """

    name: str
    branches: int
    kernel: tuple[int, int]
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Two linear steps that were left unmerged.

    Attributes:
        name: node of the graph, by the name of its module where it has one.
        reason: why they are not one kernel.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import fuse
        >>> model = nn.Sequential(nn.Conv2d(16, 2, 1), nn.Conv2d(2, 16, 3))
        >>> fused, certificate = fuse(model, torch.rand(1, 16, 12, 12))
        >>> [refusal.name for refusal in certificate.refusals]
        ['1']
    """

    name: str
    reason: str
