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
    """

    name: str
    reason: str
