"""Flicker of a clip: how much consecutive frames differ where they show the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.registration import MotionField, Registrar
from edge_sdk.registration.sampling import sample_frames

MARGIN_PX = 4
"""Rim of a frame that is not counted: a kernel reaches beyond the picture there."""


@dataclass(frozen=True)
class TemporalDifference:
    """What differs between consecutive frames once they lie on each other.

    Attributes:
        levels: mean absolute difference in 8-bit levels, over the pixels that both frames show.
        pairs: pairs of frames it is the mean of.
        left_out: pairs that show too little in common, such as a cut.

    Example:
        >>> from edge_sdk.video import TemporalDifference
        >>> TemporalDifference(1.25, 9, 0).levels
        1.25
    """

    levels: float
    pairs: int
    left_out: int


def motions_between(frames: Iterable[Tensor]) -> list[MotionField | None]:
    """How each frame lies on the one before, as registration finds it; ``None`` where it does not.

    Args:
        frames: float32 [1, H, W] in [0, 1], luma, one after the other.

    Example:
        >>> import torch
        >>> from edge_sdk.video import motions_between
        >>> scene = torch.nn.functional.avg_pool2d(torch.rand(1, 100, 120), 5, 1)
        >>> moved = [scene[:, :80, left : left + 100] for left in (0, 2)]
        >>> (motion,) = motions_between(moved)
        >>> round(motion.at(torch.zeros(1, 2, dtype=torch.float64))[0, 0].item())
        -2
    """
    return [motion for _, _, motion in _pairs(frames, None)]


def temporal_difference(
    frames: Iterable[Tensor], motions: Sequence[MotionField | None] | None = None
) -> TemporalDifference:
    """Mean absolute difference between consecutive frames after registering.

    For frames I and J, and the motion m that takes a point of I to J::

        mean over p of |J(m(p)) − I(p)|

    where J is read by cubic convolution and p are the pixels of I that m keeps inside J. To compare
    clips of one scene, give the motions of one of them for all: then all are measured alike.

    Args:
        frames: float32 [1, H, W] in [0, 1], luma, one after the other, at least two.
        motions: from each frame to the next, on pictures of these proportions; ``None`` to
            register the frames themselves.

    Returns:
        The mean over all pairs.

    Raises:
        InputError: if there is no pair that can be compared, or the sizes differ.

    Example:
        >>> import torch
        >>> from edge_sdk.video import temporal_difference
        >>> scene = torch.nn.functional.avg_pool2d(torch.rand(1, 100, 120), 5, 1)
        >>> moved = [scene[:, :80, left : left + 100] for left in (0, 2, 3)]
        >>> still = temporal_difference(moved)
        >>> noisy = temporal_difference([each + 0.05 * torch.randn(1, 80, 100) for each in moved])
        >>> still.pairs, still.levels < 0.5, noisy.levels > 5
        (2, True, True)
    """
    found: list[float] = []
    left_out = 0
    for first, second, motion in _pairs(frames, motions):
        seen = None if motion is None else _difference(first, second, motion)
        if seen is None:
            left_out += 1
        else:
            found.append(seen)
    if not found:
        raise InputError("no two consecutive frames show the same; give at least two of one scene")
    return TemporalDifference(255 * sum(found) / len(found), len(found), left_out)


def _pairs(
    frames: Iterable[Tensor], motions: Sequence[MotionField | None] | None
) -> Iterator[tuple[Tensor, Tensor, MotionField | None]]:
    before: Tensor | None = None
    for index, frame in enumerate(frames):
        if before is not None:
            if frame.shape != before.shape:
                raise InputError(
                    f"frame {index} is {list(frame.shape)} and that before {list(before.shape)}; "
                    "frames of a clip have one size"
                )
            yield before, frame, _motion(before, frame) if motions is None else motions[index - 1]
        before = frame


def _motion(first: Tensor, second: Tensor) -> MotionField | None:
    (found,) = Registrar(first).register(second[None])
    return found.field if found.accepted else None


def _difference(first: Tensor, second: Tensor, motion: MotionField) -> float | None:
    height, width = first.shape[-2:]
    rows = torch.arange(height, dtype=torch.float64) - (height - 1) / 2
    columns = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    points = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    # Motions may be those of a smaller picture of the same scene.
    scale = points.new_tensor([width / motion.width, height / motion.height])
    moved = (motion.at(points / scale) * scale).reshape(-1, 2)
    values, _ = sample_frames(second[None], moved[None])
    span = points.new_tensor([width - 1, height - 1]) / 2 - MARGIN_PX
    both = (moved.abs() <= span).all(-1) & (points.reshape(-1, 2).abs() <= span).all(-1)
    if not bool(both.any()):
        return None
    return float((values[0, 0] - first.flatten()).abs()[both].mean())
