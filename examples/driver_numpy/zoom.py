"""Burst zoom: the order of work. Read this file first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from .light import Burst, common_exposure, evened, far_exposures, lights_of, luma_of
from .merging import merged
from .motion import Found, aligned
from .noise import hot_pixels, measured_noise, mended, white
from .points import prepared
from .sharpness import measured_lens, noise_of_one, scores_of, sharpness_of
from .stages import Array, Driver, Run, Stages

COPY = "is a copy of "


@dataclass(frozen=True, eq=False)
class Zoomed:
    """The enlarged picture, and how it came about."""

    pixels: Array  # float32 [s·h, s·w, 3] in [0, 1]
    burst: Burst  # the frames, which is the reference, how others lie on it or why they do not
    shares: Mapping[int, float]  # by frame that was merged, the mean trust in it
    noise: Array  # s and s′ by color and level, float64 [3, 6, 2]
    noise_std: float  # the typical one, of luma
    lens_px: float  # blur of the lens
    hot: Array  # whether a pixel of the sensor is hot, bool [3, h, w]

    @property
    def effective(self) -> float:
        """How many frames' worth of samples a pixel received, on average."""
        return 1 + sum(self.shares.values())


def zoom(
    frames: list[Array],
    driver: Driver,
    run: Run,
    noise: float | None = None,
    lens: float | None = None,
) -> Zoomed:
    """Enlarge a burst.

    Args:
        frames: uint8 [h, w, 3], or float32 in [0, 1]; sRGB, all of one size.
        driver: what is known of the stages.
        run: runs one of them, by name, on float32 of its fixed shape.
        noise: standard deviation in [0, 1]; measured if ``None``.
        lens: blur in pixels of a frame; measured if ``None``.

    Raises:
        ValueError: if there is no frame, or they are too small or not of one size.
    """
    stages = Stages(driver, run)
    least = int(stages.table("burst.pipeline").SMALLEST_FRAME_PX)
    if not frames or min(frames[0].shape[:2]) < least:
        raise ValueError(f"give one frame or more of at least {least}×{least} px")
    if any(frame.shape != frames[0].shape for frame in frames):
        raise ValueError(f"all frames must be {frames[0].shape}; leave out those of another size")
    scale = np.float32(255 if frames[0].dtype == np.uint8 else 1)
    planes = [frame.transpose(2, 0, 1).astype(np.float32) / scale for frame in frames]
    lumas = [luma_of(frame) for frame in planes]
    scores = scores_of(stages, [sharpness_of(stages, luma) for luma in lumas])
    alone = [noise_of_one(stages, luma) for luma in lumas]
    lit = _of_common_exposure(Burst(stages, planes, alone, noise, scores, 0, {}, {}))
    if noise is None:
        luma_noise = stages.table("imaging.color").LUMA_NOISE
        curves, noise_std = measured_noise(lit, alone[lit.reference] / luma_noise)
    else:
        curves, noise_std = white(stages, noise), noise
    hot = hot_pixels(lit, noise_std)
    if hot.any():
        planes = [mended(frame, hot) for frame in planes]
    # From here on frames are in their own light: encode brings them to that of the reference.
    burst = replace(lit, frames=planes)
    lens_px = measured_lens(burst, curves) if lens is None else lens
    picture, trusts = merged(burst, curves, lens_px)
    if (planes[burst.reference] == planes[burst.reference][:1]).all():
        # Gray frames make a gray picture.
        picture = np.broadcast_to(picture.mean(0), picture.shape)
    means = trusts.mean((1, 2), dtype=np.float64)
    shares = dict(zip(burst.matrices, means.tolist(), strict=True))
    least_share = stages.table("burst.pipeline").MIN_SHARE
    nowhere = {i: "agrees with the reference nowhere" for i in shares if shares[i] < least_share}
    pixels, burst = picture.clip(0, 1).transpose(1, 2, 0), _without(burst, nowhere)
    return Zoomed(pixels, burst, shares, curves, noise_std, lens_px, hot)


def _of_common_exposure(burst: Burst) -> Burst:
    """Choose the reference and align; frames that are exposed quite otherwise are left out."""
    common = common_exposure(burst)
    lit = _in_one_light(replace(burst, reference=common), held=False)
    far = far_exposures(replace(lit, frames=burst.frames))
    if common in far and 2 * len(far) > len(lit.matrices):
        # Brightened to one light, the noise of a dark frame counts as sharpness.
        lit = _in_one_light(replace(burst, reference=common), held=True)
        far = far_exposures(replace(lit, frames=burst.frames))
    return _without(lit, far)


def _in_one_light(burst: Burst, held: bool) -> Burst:
    """Align frames, and where their light differs, once more in the light of the reference."""
    burst = _aligned_most(burst, held)
    lights = lights_of(burst)
    # A frame that is brighter has larger gradients, and is not sharper for that.
    scores = list(burst.scores)
    for index, light in lights.items():
        scores[index] /= float(light.colors.mean()) ** 2
    best = max((burst.reference, *lights), key=lambda index: scores[index])
    burst = replace(burst, scores=scores, lights=lights)
    if best != burst.reference and not held:
        burst = _aligned_most(replace(burst, reference=best), held)
        burst = replace(burst, lights=lights_of(burst))
    if not burst.lights:
        return burst
    lit = replace(burst, frames=evened(burst))
    # A copy has no light of its own, and no longer shows what its evened original does.
    copies = {i: each.reason for i, each in burst.found.items() if each.reason.startswith(COPY)}
    return _without(replace(lit, found=_aligned(lit)), copies)


def _aligned_most(burst: Burst, held: bool) -> Burst:
    """Align to the reference, or to another where most frames show another scene."""
    best, shown = replace(burst, found=_aligned(burst)), burst.shown
    others = shown - {best.reference} - _matching(best)
    for _ in range(burst.stages.table("burst.driver.align").OTHER_REFERENCES):
        matching = len(shown & _matching(best))
        if held or 2 * matching >= len(shown) - 1 or not others:
            break
        other = replace(burst, reference=max(others, key=lambda index: burst.scores[index]))
        other = replace(other, found=_aligned(other))
        others -= {other.reference} | _matching(other)
        if len(shown & _matching(other)) > matching:
            best = other
    return best


def _aligned(burst: Burst) -> dict[int, Found]:
    """How all other frames lie on the reference."""
    own, noise_std = luma_of(burst.frames[burst.reference]), burst.alone[burst.reference]
    if burst.given_std is not None:
        noise_std = burst.given_std * burst.stages.table("imaging.color").LUMA_NOISE
    reference, found = prepared(burst.stages, own), {}
    # Digests tell copies without keeping frames.
    known = {blake2b(own.tobytes()).digest(): "the reference"}
    for index, frame in enumerate(burst.frames):
        if index != burst.reference:
            luma = luma_of(frame)
            each = aligned(burst.stages, reference, luma, noise_std)
            original = known.setdefault(blake2b(luma.tobytes()).digest(), f"frame {index}")
            copied = original != f"frame {index}" and (own != own[0, 0]).any()
            if copied and (not each.reason or original == "the reference"):
                each = replace(each, reason=COPY + original)
            found[index] = each
    return found


def _matching(burst: Burst) -> set[int]:
    """Frames that show what the reference shows, copies of it included."""
    copies = {i for i, each in burst.found.items() if each.reason.startswith(COPY)}
    return copies | set(burst.matrices)


def _without(burst: Burst, reasons: Mapping[int, str]) -> Burst:
    """The same with some of the frames left out that may contribute."""
    found = {
        index: replace(each, reason=each.reason or reasons.get(index, ""))
        for index, each in burst.found.items()
    }
    return replace(burst, found=found)
