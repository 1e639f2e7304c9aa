"""What the report of a burst zoom shows, gathered from the driver's result in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.burst import EffectiveFrames, ZoomResult, little_gain
from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.lens.estimate import ASSUMED, LensEstimate
from edge_sdk.burst.photometry.light import Light
from edge_sdk.burst.stages.encode import KERNEL_STD_PX
from edge_sdk.data.quality.grades import Quality
from edge_sdk.errors import InputError
from edge_sdk.imaging import Picture
from edge_sdk.registration.field import MotionField


@dataclass(frozen=True, eq=False)
class FrameEvidence:
    """One frame of a burst.

    Attributes:
        name: name of its file.
        score: gradient energy that the reference is chosen by.
        share: mean weight of its pixels in the result, 0 to 1.
        note: why it was left out; empty if it was used.
        blurry: whether it is far less sharp than the sharpest frame.
        motion: where the reference's points lie on it; ``None`` if that is not known.
        agreement: float [⌈h/c⌉, ⌈w/c⌉] in [0, 1], means over squares of c×c pixels of ``before``:
            1 where it shows the same as the reference, 0 where it counted for nothing; ``None`` if
            not kept.
        light: what its light is of the reference's, where that was undone.
        lost: part of it, 0 to 1, that shows nothing where most others show something.
        quality: how good it looks by itself, which decides nothing; ``None`` if nobody looked.
    """

    name: str
    score: float
    share: float
    note: str = ""
    blurry: bool = False
    motion: MotionField | None = None
    agreement: Tensor | None = None
    light: Light | None = None
    lost: float = 0.0
    quality: Quality | None = None


@dataclass(frozen=True, eq=False)
class ZoomEvidence:
    """A burst zoom.

    Attributes:
        output: name of the picture that was written.
        frames: one entry per frame, in order.
        reference: 0-based index of the reference frame.
        forced: whether the user chose it.
        noise_std: noise of a frame on values in [0, 1].
        seconds: time spent in each stage.
        before: float32 [3, h, w] in [0, 1], the reference, or the part of it that was enlarged.
        after: float32 [3, scale·h, scale·w] in [0, 1], the result.
        effective: how many frames' worth of samples each place received.
        icc_profile: what the values of both mean; ``None`` for sRGB.
        reference_weight: weight of the reference's samples; those of other frames weigh 1.
        kernel_std_px: width of the regression kernel away from edges, in pixels of a frame.
        corner: row and column of the reference where ``before`` begins.
        remarks: what the written file could not hold, a sentence each.
        warnings: what else the reader should know, a sentence each.
        hot_pixels: number of pixels of the sensor that were mended.
        blank: part of the picture, 0 to 1, where all frames hold one value in the same place.
        lens: blur of the lens.
        why_reference: why the reference is it where nobody named it.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, ZoomConfig, zoom
        >>> from edge_sdk.report import evidence_of
        >>> frames, config = torch.rand(1, 3, 48, 64), ZoomConfig(provenance=True)
        >>> result = zoom(frames, config=config)
        >>> evidence = evidence_of(result, ["0.png"], Picture(frames[0]), "zoomed.png", config)
        >>> evidence.scale, evidence.reference
        (2.0, 0)
    """

    output: str
    frames: tuple[FrameEvidence, ...]
    reference: int
    forced: bool
    noise_std: float
    seconds: Mapping[str, float]
    before: Tensor
    after: Tensor
    effective: EffectiveFrames
    icc_profile: bytes | None = None
    reference_weight: float = 1.5
    kernel_std_px: float = KERNEL_STD_PX[2]
    corner: tuple[int, int] = (0, 0)
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    hot_pixels: int = 0
    blank: float = 0.0
    lens: LensEstimate = ASSUMED
    why_reference: str = "the sharpest"

    def __post_init__(self) -> None:
        if not 0 <= self.reference < len(self.frames):
            raise InputError(f"reference {self.reference} is none of {len(self.frames)} frames")

    @property
    def scale(self) -> float:
        """Enlargement of the width."""
        return self.after.shape[-1] / self.before.shape[-1]

    @property
    def others(self) -> tuple[int, ...]:
        """Frames beside the reference that were used, by index."""
        return tuple(
            index
            for index, frame in enumerate(self.frames)
            if index != self.reference and not frame.note
        )

    @property
    def left_out(self) -> tuple[int, ...]:
        """Frames that were not used, by index."""
        return tuple(index for index, frame in enumerate(self.frames) if frame.note)


def evidence_of(
    result: ZoomResult,
    names: Sequence[str],
    reference: Picture,
    output: str,
    config: ZoomConfig,
    *,
    remarks: Sequence[str] = (),
    qualities: Sequence[Quality | None] = (),
) -> ZoomEvidence:
    """Gather what the report shows.

    Args:
        result: what the driver returned, its pixels included.
        names: names of the frames' files, in order.
        reference: the reference frame, or the part of it that was enlarged.
        output: name of the picture that was written.
        config: settings of the driver; without ``provenance`` there are no maps of agreement, which
            the page says.
        remarks: what the written file could not hold.
        qualities: how good each frame looks by itself; none where nobody looked.

    Raises:
        InputError: if there is not one name per frame, or qualities of other frames.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, ZoomConfig, zoom
        >>> from edge_sdk.report import evidence_of
        >>> frames, config = torch.rand(1, 3, 48, 64), ZoomConfig(provenance=True)
        >>> result = zoom(frames, config=config)
        >>> evidence = evidence_of(result, ["0.png"], Picture(frames[0]), "zoomed.png", config)
        >>> [frame.name for frame in evidence.frames]
        ['0.png']
    """
    if len(names) != len(result.frames):
        raise InputError(f"{len(names)} names for {len(result.frames)} frames; give one each")
    if qualities and len(qualities) != len(names):
        raise InputError(f"{len(qualities)} qualities for {len(names)} frames; give one each")
    looks = qualities or (None,) * len(names)
    fields = [frame.field for frame in result.frames]
    known = next((field for field in fields if field is not None), None)
    height, width = (known.height, known.width) if known else (reference.height, reference.width)
    identity = MotionField(torch.eye(3, dtype=torch.float64), height, width)
    frames = tuple(
        FrameEvidence(
            name,
            frame.score,
            frame.share,
            frame.note,
            frame.blurry,
            identity if index == result.reference else field,
            None if index == result.reference else frame.provenance,
            None if frame.note else frame.light,
            frame.lost,
            looks[index],
        )
        for index, (name, frame, field) in enumerate(zip(names, result.frames, fields, strict=True))
    )
    crop, few = config.crop, little_gain(result, config)
    return ZoomEvidence(
        output,
        frames,
        result.reference,
        result.forced,
        result.noise_std,
        result.seconds,
        reference.pixels,
        result.pixels,
        result.effective,
        reference.metadata.icc_profile,
        config.reference_weight,
        KERNEL_STD_PX[config.scale],
        (0, 0) if crop is None or known is None else (crop.top, crop.left),
        tuple(remarks),
        () if few is None else (few,),
        result.hot_pixels,
        result.blank,
        result.lens,
        result.why_reference,
    )
