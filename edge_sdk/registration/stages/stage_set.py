"""The stages that alignment runs: by PyTorch, or by whatever else computes the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from edge_sdk.registration.stages.align import Align
from edge_sdk.registration.stages.expand import Expand
from edge_sdk.registration.stages.levels import Halve, Smooth, Surround
from edge_sdk.registration.stages.search import Search


@dataclass(frozen=True)
class AlignStages:
    """One callable a stage, each with the arguments of the module of its name.

    Attributes:
        smooth: :class:`~edge_sdk.registration.stages.levels.Smooth`.
        halve: :class:`~edge_sdk.registration.stages.levels.Halve`.
        surround: :class:`~edge_sdk.registration.stages.levels.Surround`.
        expand: :class:`~edge_sdk.registration.stages.expand.Expand`.
        search: makes :class:`~edge_sdk.registration.stages.search.Search` for a reach.
        align: :class:`~edge_sdk.registration.stages.align.Align`.
    """

    smooth: Callable[[Tensor], Tensor] = field(default_factory=Smooth)
    halve: Callable[[Tensor], Tensor] = field(default_factory=Halve)
    surround: Callable[[Tensor], Tensor] = field(default_factory=Surround)
    expand: Callable[[Tensor], Tensor] = field(default_factory=Expand)
    search: Callable[[int], Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = Search
    align: Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor] = field(default_factory=Align)
