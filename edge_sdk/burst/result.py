"""What a burst zoom gives: the picture, and what became of every frame."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edge_sdk.burst.effective_frames import EffectiveFrames
from edge_sdk.burst.lens.estimate import ASSUMED, LensEstimate
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.noise.settling import NoiseSource
from edge_sdk.burst.photometry.light import Light
from edge_sdk.registration import MotionField, Registration


@dataclass(frozen=True)
class FrameReport:
    """What one frame did for the result.

    Attributes:
        score: gradient energy that the reference is chosen by.
        registration: its motion against the reference; ``None`` for the reference, and for frames
            that a fast zoom does not look at.
        share: mean weight of its pixels in the result, 0 to 1; below 1 where it showed something
            else or nothing.
        note: why it was left out; empty if it was used.
        blurry: whether it is far less sharp than the sharpest frame.
        provenance: float16 [⌈h/4⌉, ⌈w/4⌉], mean weight of its pixels over 4×4 pixels of what is
            enlarged; the reference's own is its weight. ``None`` unless requested, or left out.
        light: what its light is of the reference's, where that was undone; ``None`` elsewhere. Its
            bands are over the rows that were aligned: the window of a crop, or all.
        lost: part of it, 0 to 1, that shows nothing where most other frames show something, as of
            a file that was cut off.

    Example:
        >>> import torch
        >>> from edge_sdk import zoom
        >>> report = zoom(torch.rand(1, 3, 32, 48)).frames[0]
        >>> report.registration is None, report.share, report.note
        (True, 1.0, '')
    """

    score: float
    registration: Registration | None
    share: float
    note: str = ""
    blurry: bool = False
    provenance: Tensor | None = None
    light: Light | None = None
    lost: float = 0.0

    @property
    def field(self) -> MotionField | None:
        """Its motion at each point of the reference; ``None`` where there is no registration."""
        return self.registration.field if self.registration else None


@dataclass(frozen=True)
class ZoomResult:
    """The enlarged picture and how it came about.

    Attributes:
        pixels: float32 [3, scale·h, scale·w] in [0, 1], sRGB, of what is enlarged; empty where
            :func:`zoom_into` gave the rows to a sink.
        reference: 0-based index of the reference frame.
        forced: whether the caller chose it.
        noise: noise of a frame, as ``noise_source`` says.
        frames: one report per frame, in order.
        seconds: time spent in each stage.
        effective: how many frames' worth of samples each place received.
        hot_pixels: number of pixels of the sensor that were bright in all frames and were mended,
            of a crop those in its window.
        blank: part of what is enlarged, 0 to 1, where all frames hold one value in the same place:
            damage that all have, a mask or a border.
        network_passed_over: why the restoration without a network was taken instead of it; ``None``
            where it was not.
        noise_source: whether the noise was given, stated by the files or measured.
        noise_note: why noise that the files state was not taken, or that too little is seen in two
            frames to measure it between them; empty elsewhere.
        lens: blur of the lens, given, measured or assumed.
        network_note: that the network is told of less noise than there is, or is beyond what it
            has learned and there was no other way; empty elsewhere.
        is_sharpest: whether no frame is sharper than the reference, at equal exposure.

    Example:
        >>> import torch
        >>> from edge_sdk import zoom
        >>> result = zoom(torch.rand(1, 3, 32, 48))
        >>> result.reference, result.used, tuple(result.pixels.shape)
        (0, 1, (3, 64, 96))
    """

    pixels: Tensor
    reference: int
    forced: bool
    noise: Noise
    frames: tuple[FrameReport, ...]
    seconds: dict[str, float]
    effective: EffectiveFrames
    hot_pixels: int = 0
    blank: float = 0.0
    network_passed_over: str | None = None
    noise_source: NoiseSource = NoiseSource.MEASURED
    noise_note: str = ""
    lens: LensEstimate = ASSUMED
    network_note: str = ""
    is_sharpest: bool = True

    @property
    def effective_frames(self) -> float:
        """How many frames' worth of samples a place received on average, 1 to their number.

        The reference counts as one, each other frame by its share: a frame that agrees in half of
        the picture is half a frame. :attr:`effective` says where they are fewer.
        """
        return self.effective.mean

    @property
    def why_reference(self) -> str:
        """Why the reference is the reference where nobody named it, for people."""
        return "the sharpest" + ("" if self.is_sharpest else " of those that most frames match")

    @property
    def noise_std(self) -> float:
        """Typical noise of a frame on values in [0, 1]."""
        return self.noise.typical_std

    @property
    def used(self) -> int:
        """Number of frames that contributed, the reference included."""
        return sum(not frame.note for frame in self.frames)
