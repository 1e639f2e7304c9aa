"""The sharpest frames of a burst alone, where a zoom is to be fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from edge_sdk.burst.frames.source import DerivedSource, FrameSource
from edge_sdk.burst.reference.choice import ReferenceChoice
from edge_sdk.burst.result import FrameReport, ZoomResult


class ChosenSource(DerivedSource):
    """Some of the frames of another source.

    Args:
        source: the frames.
        chosen: 0-based indices of those that are taken, in order.
    """

    def __init__(self, source: FrameSource, chosen: Sequence[int]) -> None:
        super().__init__(source)
        self._chosen = tuple(chosen)
        self.count = len(self._chosen)

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows of a chosen frame."""
        return self._source.rows(self._chosen[index], top, bottom)


def sharpest(choice: ReferenceChoice, count: int) -> tuple[int, ...]:
    """The reference and the frames of the largest scores, so many in all, by index.

    Example:
        >>> from edge_sdk.burst.fewer_frames import sharpest
        >>> from edge_sdk.burst.reference.choice import ReferenceChoice
        >>> none = (0.0,) * 4
        >>> sharpest(ReferenceChoice(2, (3.0, 5.0, 1.0, 4.0), none, none), 3)
        (1, 2, 3)
    """
    others = sorted(
        (index for index in range(len(choice.scores)) if index != choice.index),
        key=lambda index: (-choice.scores[index], index),
    )
    return tuple(sorted((choice.index, *others[: count - 1])))


def among_all(result: ZoomResult, chosen: Sequence[int], choice: ReferenceChoice) -> ZoomResult:
    """A result of chosen frames as one of all, of which the others were left out.

    Args:
        result: of the chosen frames.
        chosen: their 0-based indices.
        choice: the scores of all.
    """
    note = f"not among the {len(chosen)} sharpest, which a fast zoom takes"
    frames = [
        FrameReport(each, None, 0.0, note, lost=lost)
        for each, lost in zip(choice.scores, choice.lost, strict=True)
    ]
    for index, report in zip(chosen, result.frames, strict=True):
        frames[index] = report
    return replace(result, reference=chosen[result.reference], frames=tuple(frames))
