"""A burst on the reference's finer grid: what a network takes that joins frames itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from edge_sdk.burst.config import SCALES
from edge_sdk.burst.driver.align import Aligned, Aligning, align_whole
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.errors import InputError, PictureError
from edge_sdk.registration import MotionField, RegistrationConfig
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.sampling import sample_bicubic

SMALLEST_FRAME_PX = 32


@dataclass(frozen=True)
class ResamplingConfig:
    """Settings of :func:`resample_burst`.

    Attributes:
        frames: number M of places, the reference's included, 2 or more.
        scale: ratio of the near grid to a frame's, 1 to 4.
        reference: 0-based frame on whose grid all are brought; ``None`` for the sharpest.
        noise_std: noise of a frame on values in [0, 1]; ``None`` to estimate it.
        registration: settings of the alignment.
    """

    frames: int = 10
    scale: int = 2
    reference: int | None = None
    noise_std: float | None = None
    registration: RegistrationConfig = field(default_factory=RegistrationConfig)

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise InputError(f"frames must be 2 or more, not {self.frames}; one frame is no burst")
        if self.scale not in SCALES:
            known = ", ".join(str(scale) for scale in SCALES)
            raise InputError(f"scale {self.scale} is not one of {known}")
        if self.noise_std is not None and not 0 <= self.noise_std <= 1:
            raise InputError(f"noise must be 0 to 1, not {self.noise_std}")


@dataclass(frozen=True, eq=False)
class ResampledBurst:
    """M pictures on one grid.

    Attributes:
        pixels: float32 [M, 3, s·H, s·W] in [0, 1], sRGB; the reference first, then the others, that
            which agrees best first, then the reference again in the places that nothing fills.
        places: 0-based frame in each of the M places.
        weights: share of every frame of the burst, in order, in the M pictures: the mean of κ_i
            over the picture and M, 0 for a frame that is not used; the reference has the rest, and
            with it the places that nothing fills. They add up to 1.
        reference: 0-based index of the reference.
        noise_std: noise of a frame on values in [0, 1], given or estimated.
    """

    pixels: Tensor
    places: tuple[int, ...]
    weights: tuple[float, ...]
    reference: int
    noise_std: float

    @property
    def filled(self) -> int:
        """Number of different frames, the reference included."""
        return len(set(self.places))

    def packed(self) -> Tensor:
        """Input of a :class:`~edge_sdk.models.burst_paper_net.BurstPaperNet`.

        Returns:
            Float32 [1, 3·M + 1, s·H, s·W]: the pictures, then a plane of ``noise_std``.
        """
        height, width = self.pixels.shape[-2:]
        noise = torch.full((1, 1, height, width), self.noise_std)
        return torch.cat((self.pixels.reshape(1, -1, height, width), noise), 1)


@torch.no_grad()
def resample_burst(source: FrameSource, config: ResamplingConfig | None = None) -> ResampledBurst:
    """Choose the reference, align, and read every frame where the finer pixels lie on it.

        x_i(p) = r(p) + κ_i(p)·(y_i(M_i p) − r(p)),    r(p) = y_ref(p),

    with p on the grid ``scale`` times finer than the reference's, M_i the estimated motion, y
    interpolated by cubic convolution (Keys 1981, a = −0.5) and cut to [0, 1], and κ_i the
    confidence of the alignment's tiles, 0 beyond the frame's edge: what does not align is the
    reference's. A frame that does not align at all is left out, and a copy of the reference with
    it. Of more than M − 1 others those are taken whose squared correlation with the reference is
    the largest, the first of equals. The order of the frames in ``source`` decides nothing else.

    Args:
        source: the frames, two or more.
        config: settings.

    Raises:
        InputError: if there are fewer than two frames, or the reference is not one of them.
        PictureError: if the frames are smaller than 32 px.
    """
    config = config or ResamplingConfig()
    _check(source)
    given = None if config.noise_std is None else Noise.white(config.noise_std)
    choice, aligned = align_whole(source, Aligning(config.registration, given), config.reference)
    others = _best(aligned, config.frames - 1)
    fine_grid = centered_grid(
        source.height * config.scale,
        source.width * config.scale,
        step=1 / config.scale,
        like=torch.zeros((), dtype=torch.float64),
    )
    reference = sample_bicubic(
        source.rows(choice.index, 0, source.height), fine_grid.float()
    ).clamp_(0, 1)
    pictures, weights = [reference], [0.0] * source.count
    for index in others:
        picture, trusted = _moved(source, index, aligned.motions[index], fine_grid, reference)
        pictures.append(picture)
        weights[index] = trusted / config.frames
    weights[choice.index] = 1 - sum(weights)
    missing = config.frames - len(pictures)
    return ResampledBurst(
        torch.stack((*pictures, *[reference] * missing)),
        (choice.index, *others, *[choice.index] * missing),
        tuple(weights),
        choice.index,
        aligned.noise.typical_std,
    )


def _best(aligned: Aligned, max_count: int) -> list[int]:
    """The accepted frames that agree best with the reference, at most so many, best first."""
    explained = {index: aligned.registrations[index].explained for index in aligned.motions}
    return sorted(explained, key=lambda index: (-explained[index], index))[:max_count]


def _moved(
    source: FrameSource, index: int, motion: MotionField, fine_grid: Tensor, reference: Tensor
) -> tuple[Tensor, float]:
    """Frame ``index`` where it is trusted and the reference elsewhere; the mean of the trust."""
    points = motion.at(fine_grid)
    values = sample_bicubic(source.rows(index, 0, source.height), points.float()).clamp_(0, 1)
    edge = points.new_tensor([source.width / 2, source.height / 2])
    inside = (points.abs() <= edge).all(-1)
    trust = (motion.confidence_at(fine_grid) * inside).float()
    return torch.lerp(reference, values, trust), float(trust.mean())


def _check(source: FrameSource) -> None:
    if source.count < 2:
        raise InputError(f"{source.count} frames are no burst; give at least 2 of the same scene")
    if min(source.height, source.width) < SMALLEST_FRAME_PX:
        raise PictureError(
            f"frames of {source.width}×{source.height} px are too small to align; give at least "
            f"{SMALLEST_FRAME_PX}×{SMALLEST_FRAME_PX} px"
        )
