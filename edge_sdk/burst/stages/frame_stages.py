"""The stages that ask how sharp a frame is and how it moved, by PyTorch or by other runtimes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from edge_sdk.burst.stages.score import Score
from edge_sdk.registration.stages.stage_set import AlignStages


@dataclass(frozen=True)
class FrameStages:
    """One callable a stage, each with the arguments of the module of its name.

    Attributes:
        score: :class:`~edge_sdk.burst.stages.score.Score`.
        align: those of alignment, ``halve`` among them, which makes the levels that are scored too.
    """

    score: Callable[[Tensor, Tensor], Tensor] = field(default_factory=Score)
    align: AlignStages = field(default_factory=AlignStages)
