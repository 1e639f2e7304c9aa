"""The far frames of a sample: cut to the shared field of view and aligned to the reference."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edge_sdk.burst.driver.align import Aligning, align
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.reference.choice import ReferenceChoice
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.pairs.couple.geometry import region_offset
from edge_sdk.progress import Progress
from edge_sdk.registration import MotionField, transform


@dataclass(frozen=True, eq=False)
class FarFrame:
    """A far frame beside the reference.

    Attributes:
        index: 0-based shot.
        region: what of the shot is kept: the reference's region, moved by whole pixels.
        field: motion from the reference's pixels to the frame's, both as kept.
        residual_std: what the motion leaves, standard deviation on values in [0, 1].
        explained: squared correlation with the reference.
    """

    index: int
    region: Rectangle
    field: MotionField
    residual_std: float
    explained: float


@dataclass(frozen=True, eq=False)
class FarFrames:
    """The far side of a sample.

    Attributes:
        frames: those that match the reference, in the order of the shots, without it.
        noise_std: noise of a frame on values in [0, 1].
        left_out: why other shots are not among them, by shot.
    """

    frames: tuple[FarFrame, ...]
    noise_std: float
    left_out: dict[int, str]


class RegionSource:
    """A rectangle of each of some frames, as a source of its own.

    Args:
        source: whole frames.
        places: frame and rectangle on it, all of one size.
    """

    def __init__(self, source: FrameSource, places: list[tuple[int, Rectangle]]) -> None:
        self._source = source
        self._places = places
        self.count = len(places)
        self.height = places[0][1].height
        self.width = places[0][1].width
        self.depth = source.depth

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows ``top`` to ``bottom`` (excluded) of rectangle ``index``."""
        frame, region = self._places[index]
        rows = self._source.rows(frame, region.top + top, region.top + bottom)
        return rows[:, :, region.left : region.left + region.width].contiguous()


def cut_frames(
    source: FrameSource,
    choice: ReferenceChoice,
    motions: dict[int, Tensor],
    region: Rectangle,
    report: Progress,
) -> FarFrames:
    """Cut the far frames to the region of the reference and align them again there.

    Each is cut where its motion takes the middle of the region, to whole pixels and within the
    frame; the motions found on the cut frames are those that the sample keeps. Blocks that do not
    match the reference have confidence 0 in them.

    Args:
        source: the far shots.
        choice: the reference.
        motions: motion float64 [3, 3] from the reference to other whole shots, by shot.
        region: what of the reference is kept.
        report: called for each frame.
    """
    others = sorted(motions)
    places = [(choice.index, region)]
    places += [(index, _moved(region, motions[index], source)) for index in others]
    order = [index for index, _ in places]
    here = ReferenceChoice(
        0,
        tuple(choice.scores[index] for index in order),
        tuple(choice.noise_std[index] for index in order),
        tuple(choice.detail[index] for index in order),
        forced=True,
    )
    aligned = align(RegionSource(source, places), here, Aligning(report=report))
    frames = [
        FarFrame(
            order[place],
            places[place][1],
            aligned.motions[place],
            found.residual_std,
            found.explained,
        )
        for place, found in sorted(aligned.registrations.items())
        if place in aligned.motions
    ]
    left_out = {
        order[place]: found.reason for place, found in aligned.registrations.items() if found.reason
    }
    return FarFrames(tuple(frames), aligned.noise.typical_std, left_out)


def _moved(region: Rectangle, motion: Tensor, source: FrameSource) -> Rectangle:
    """The region where a motion takes its middle, rounded, pushed back onto the frame."""
    middle = region_offset(region, source.height, source.width)
    x, y = (transform(motion, middle[None])[0] - middle).round().long().tolist()
    left = min(max(region.left + x, 0), source.width - region.width)
    top = min(max(region.top + y, 0), source.height - region.height)
    return Rectangle(left=left, top=top, width=region.width, height=region.height)
