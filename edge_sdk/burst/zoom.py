"""Burst zoom: the driver that chains the stages over tiles."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from edge_sdk.burst.decode import LUMA_NOISE
from edge_sdk.burst.difference import difference_noise_std
from edge_sdk.burst.merge import HALO_PX, SCALE, MergePlan, Progress, merge
from edge_sdk.burst.reference import choose_reference, is_blurry
from edge_sdk.burst.tiles import fitting_inside_px
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import resize_bicubic, rgb_to_ycbcr, ycbcr_to_rgb
from edge_sdk.registration import Registration, RegistrationConfig, register

INSIDE_PX = (128, 64, 32, 16)
"""Insides of tiles, in pixels of a frame: the largest in which the frames' rotations fit."""
SMALLEST_FRAME_PX = 32
SCALES = (SCALE,)

LEAST_SHARE = 0.02
"""Share of agreeing pixels under which a frame counts as left out."""


@dataclass(frozen=True)
class ZoomConfig:
    """Settings of :func:`zoom`.

    Attributes:
        scale: enlargement; 2 is what the shipped network does.
        reference: 0-based frame to zoom; ``None`` for the sharpest.
        reference_weight: weight of the reference's samples; those of other frames weigh 1.
        noise_std: noise of a frame on values in [0, 1]; ``None`` to estimate it.
        registration: settings of the alignment.
    """

    scale: int = 2
    reference: int | None = None
    reference_weight: float = 1.5
    noise_std: float | None = None
    registration: RegistrationConfig = field(default_factory=RegistrationConfig)

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            known = ", ".join(str(scale) for scale in SCALES)
            raise InputError(f"scale {self.scale} has no network yet; choose {known}")
        if self.reference_weight < 1:
            raise InputError(
                f"the reference weighs at least as much as another frame: 1 or more, not "
                f"{self.reference_weight}"
            )
        if self.noise_std is not None and not 0 <= self.noise_std <= 1:
            raise InputError(f"noise must be 0 to 1, not {self.noise_std}")


@dataclass(frozen=True)
class FrameReport:
    """What one frame did for the result.

    Attributes:
        score: gradient energy that the reference is chosen by.
        registration: its motion against the reference; ``None`` for the reference.
        share: mean weight of its pixels in the result, 0 to 1; below 1 where it showed something
            else or nothing.
        note: why it was left out; empty if it was used.
        blurry: whether it is far less sharp than the sharpest frame.
    """

    score: float
    registration: Registration | None
    share: float
    note: str = ""
    blurry: bool = False


@dataclass(frozen=True)
class ZoomResult:
    """The enlarged picture and how it came about.

    Attributes:
        pixels: float32 [3, scale·H, scale·W] in [0, 1], sRGB.
        reference: 0-based index of the reference frame.
        forced: whether the caller chose it.
        noise_std: noise of a frame on values in [0, 1], given or estimated.
        frames: one report per frame, in order.
        seconds: time spent in each stage.
    """

    pixels: Tensor
    reference: int
    forced: bool
    noise_std: float
    frames: tuple[FrameReport, ...]
    seconds: dict[str, float]

    @property
    def used(self) -> int:
        """Number of frames that contributed, the reference included."""
        return sum(not frame.note for frame in self.frames)


@torch.no_grad()
def zoom(
    frames: Tensor,
    network: nn.Module,
    config: ZoomConfig | None = None,
    on_progress: Progress | None = None,
) -> ZoomResult:
    """Enlarge a burst: choose the reference, align, merge without ghosts, enhance.

    One frame alone is enlarged by the network; a frame that cannot be aligned is left out and its
    report says why.

    Args:
        frames: float32 [N, 3, H, W] in [0, 1], sRGB, all of the same scene.
        network: ×2 network for luma in studio swing, [N, 1, H, W] to [N, 1, 2·H, 2·W].
        config: settings.
        on_progress: told of every step.

    Returns:
        The picture, the choice of the reference, and what became of every frame.

    Raises:
        InputError: if there is no frame, they are not float32 in [0, 1], or the reference is not
            one of them.
        PictureError: if the frames are smaller than 32 px.
    """
    config = config or ZoomConfig()
    report = on_progress or (lambda stage, done, total: None)
    _check(frames)
    count = frames.shape[0]
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    luma = rgb_to_ycbcr(frames)[:, :1]
    choice = choose_reference(luma, config.reference)
    noise_std = config.noise_std
    if noise_std is None:
        noise_std = choice.noise_std[choice.index] / LUMA_NOISE
    seconds["reference"] = time.perf_counter() - started
    report("reference", 1, 1)

    started = time.perf_counter()
    others = [index for index in range(count) if index != choice.index]
    found = register(luma[choice.index], luma[others], config.registration, noise_std * LUMA_NOISE)
    registrations = dict(zip(others, found, strict=True))
    inside_px, registrations = _fit_tiles(registrations)
    seconds["align"] = time.perf_counter() - started
    report("align", 1, 1)

    motions = {index: entry.matrix for index, entry in registrations.items() if entry.accepted}
    if config.noise_std is None:
        seen = choice.noise_std[choice.index]
        noise_std = difference_noise_std(luma, choice.index, motions, seen) / LUMA_NOISE
    shares = {choice.index: 1.0}
    if motions:
        plan = MergePlan(
            frames, choice.index, motions, inside_px, noise_std, config.reference_weight
        )
        merged = merge(plan, network, report)
        pixels = merged.pixels
        shares.update(merged.shares)
        seconds |= {"merge": merged.merge_seconds, "enhance": merged.enhance_seconds}
    else:
        started = time.perf_counter()
        pixels = enlarge_single(frames[choice.index], network)
        seconds["enhance"] = time.perf_counter() - started
    reports = tuple(
        FrameReport(
            choice.scores[index],
            registrations.get(index),
            shares.get(index, 0.0),
            _note(registrations.get(index), shares.get(index, 0.0)),
            is_blurry(choice, index),
        )
        for index in range(count)
    )
    return ZoomResult(pixels.clamp(0, 1), choice.index, choice.forced, noise_std, reports, seconds)


def enlarge_single(frame: Tensor, network: nn.Module) -> Tensor:
    """Enlarge one picture: luma by the network, chroma by bicubic interpolation.

    Args:
        frame: float [3, H, W] in [0, 1], sRGB.
        network: as in :func:`zoom`.

    Returns:
        Float [3, 2·H, 2·W]; not clipped.
    """
    ycbcr = rgb_to_ycbcr(frame)
    luma = network(ycbcr[None, :1])[0]
    chroma = resize_bicubic(ycbcr[1:], size=(luma.shape[-2], luma.shape[-1]))
    return ycbcr_to_rgb(torch.cat((luma, chroma)))


def _fit_tiles(
    registrations: dict[int, Registration],
) -> tuple[int, dict[int, Registration]]:
    """Choose the tile size that all accepted motions fit, leaving out those that fit none."""
    fitting = dict(registrations)
    for index, registration in registrations.items():
        if (
            registration.accepted
            and fitting_inside_px([registration.matrix], INSIDE_PX, HALO_PX) is None
        ):
            angle = registration.motion.angle_deg
            fitting[index] = replace(
                registration, accepted=False, reason=f"turned by {angle:.1f}°, too far for tiles"
            )
    matrices = [entry.matrix for entry in fitting.values() if entry.accepted]
    if not matrices:
        return INSIDE_PX[0], fitting
    inside = fitting_inside_px(matrices, INSIDE_PX, HALO_PX)
    assert inside is not None
    return inside, fitting


def _note(registration: Registration | None, share: float) -> str:
    if registration is None or registration.reason:
        return "" if registration is None else registration.reason
    if share < LEAST_SHARE:
        return "agrees with the reference nowhere: other content or another exposure"
    return ""


def _check(frames: Tensor) -> None:
    if frames.ndim != 4 or frames.shape[0] == 0 or frames.shape[1] != 3:
        raise InputError(
            f"frames must be [N, 3, H, W] with N ≥ 1, not {tuple(frames.shape)}; stack RGB pictures"
        )
    low, high = (float(frames.amin()), float(frames.amax()))
    if frames.dtype != torch.float32 or not (low >= -0.01 and high <= 1.01):
        raise InputError(
            f"frames must be float32 with finite values in [0, 1], not {frames.dtype} from {low:g} "
            f"to {high:g}; divide 8-bit values by 255"
        )
    height, width = frames.shape[-2:]
    if min(height, width) < SMALLEST_FRAME_PX:
        raise PictureError(
            f"frames of {width}×{height} px are too small to zoom; give at least "
            f"{SMALLEST_FRAME_PX}×{SMALLEST_FRAME_PX} px"
        )
