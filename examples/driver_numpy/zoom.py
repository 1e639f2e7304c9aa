"""Burst zoom: the order of work. Read this file first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .lens import measured_lens
from .light import Light, common_exposure, evened, far_exposures, lights_of, luma_of
from .merging import Plan, merged
from .motion import Found, aligned, prepared
from .noise import Noise, hot_pixels, measured_noise, mended
from .sharpness import scores_of, sharpness_of
from .stages import Driver, Run, Stages

COPY = "is a copy of "


@dataclass(frozen=True, eq=False)
class Zoomed:
    """The enlarged picture, and how it came about.

    Attributes:
        pixels: float32 [s·h, s·w, 3] in [0, 1].
        reference: index of the reference.
        used: frames that contributed, the reference among them.
        scores: sharpness of every frame.
        matrices: by frame but the reference, its motion, [3, 3], on positions from the middle.
        reasons: by frame that was left out, why.
        lights: by frame, its light where it differs from the reference's.
        shares: by frame that was merged, the mean trust in it.
        effective: how many frames' worth of samples a pixel received, on average.
        noise: s and s′ by color and level, float64 [3, 6, 2].
        noise_std: the typical one, of luma.
        lens_px: blur of the lens.
        hot: whether a pixel of the sensor is hot, bool [3, h, w].
    """

    pixels: np.ndarray
    reference: int
    used: list[int]
    scores: list[float]
    matrices: dict[int, np.ndarray]
    reasons: dict[int, str]
    lights: dict[int, Light]
    shares: dict[int, float]
    effective: float
    noise: np.ndarray
    noise_std: float
    lens_px: float
    hot: np.ndarray

    def whole_shift(self, index: int, x: float, y: float) -> tuple[int, int]:
        """Whole pixels by which a frame lies off at a position of the reference."""
        m = self.matrices[index]
        there = m @ np.array([x, y, 1.0])
        return round(there[0] / there[2] - x), round(there[1] / there[2] - y)


@dataclass(frozen=True, eq=False)
class Burst:
    """Frames, float32 [3, h, w] each; noise of luma seen in each; noise that was given."""

    stages: Stages
    frames: list[np.ndarray]
    alone: list[float]
    given: Noise | None


@dataclass(frozen=True, eq=False)
class Choice:
    """A reference, sharpness of all frames, and how the others lie on it."""

    reference: int
    scores: list[float]
    found: dict[int, Found]

    @property
    def matrices(self) -> dict[int, np.ndarray]:
        """Motions of the frames that may contribute."""
        return {index: each.matrix for index, each in self.found.items() if not each.reason}

    @property
    def matching(self) -> list[int]:
        """Frames that show what the reference shows, copies included."""
        return [
            i for i, each in self.found.items() if not each.reason or each.reason.startswith(COPY)
        ]

    def without(self, reasons: dict[int, str]) -> Choice:
        """The same with some of the frames left out that may contribute."""
        found = {
            i: replace(each, reason=reasons[i]) if i in reasons and not each.reason else each
            for i, each in self.found.items()
        }
        return replace(self, found=found)


@dataclass(frozen=True, eq=False)
class Lit:
    """A choice, lights against the reference's, and the frames in its light."""

    choice: Choice
    lights: dict[int, Light]
    frames: list[np.ndarray]


def zoom(
    frames: list[np.ndarray],
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
    """
    stages = Stages(driver, run)
    planes = [_planes(frame) for frame in frames]
    sharpness = [sharpness_of(stages, luma_of(frame)) for frame in planes]
    given = None if noise is None else Noise.white(noise)
    burst = Burst(stages, planes, [each.noise_std for each in sharpness], given)
    lit = _of_common_exposure(burst, scores_of(driver, sharpness))
    choice = lit.choice
    reference, matrices = choice.reference, choice.matrices
    found = given or _noise(burst, lit)
    hot = hot_pixels(driver, lit.frames, reference, matrices, found.typical_std)
    if hot.any():
        planes = [mended(frame, hot) for frame in planes]
    plan = Plan(planes, reference, matrices, lit.lights, found.curves)
    lens_px = measured_lens(stages, plan) if lens is None else lens
    pixels, trusts = merged(stages, plan, lens_px)
    own = planes[reference]
    if (own == own[:1]).all():
        # A gray burst stays gray.
        pixels = np.broadcast_to(pixels.mean(0), pixels.shape)
    shares = {index: float(trust.mean(dtype=np.float64)) for index, trust in trusts.items()}
    reasons = {index: each.reason for index, each in choice.found.items() if each.reason}
    for index, share in shares.items():
        if share < driver.number("burst.pipeline.MIN_SHARE"):
            reasons[index] = "agrees with the reference nowhere"
    used = [index for index in range(len(frames)) if index not in reasons]
    picture = pixels.clip(0, 1).transpose(1, 2, 0)
    every = {index: each.matrix for index, each in choice.found.items()}
    effective = 1 + sum(shares.values())
    return Zoomed(
        picture, reference, used, choice.scores, every, reasons, lit.lights, shares, effective,
        found.curves, found.typical_std, lens_px, hot,
    )


def _planes(frame: np.ndarray) -> np.ndarray:
    """Colors as float32 [3, h, w] in [0, 1]."""
    values = frame.astype(np.float32)
    if frame.dtype == np.uint8:
        values = values / np.float32(255)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _noise(burst: Burst, lit: Lit) -> Noise:
    driver, choice = burst.stages.driver, lit.choice
    alone = burst.alone[choice.reference] / driver.number("imaging.color.LUMA_NOISE")
    shares = {index: light.noise_share for index, light in lit.lights.items()}
    return measured_noise(
        driver, lit.frames, choice.reference, choice.matrices, shares, alone
    )


def _of_common_exposure(burst: Burst, scores: list[float]) -> Lit:
    """Align in one light; frames that are exposed quite otherwise are left out."""
    common = common_exposure(burst.stages.driver, burst.frames, scores)
    lit = _in_one_light(burst, common, scores, held=False)
    far = _far(burst, lit)
    if common in far and 2 * len(far) > len(lit.choice.matrices):
        # Brightened to one light, the noise of a dark frame counts as sharpness.
        lit = _in_one_light(burst, common, scores, held=True)
        far = _far(burst, lit)
    return replace(lit, choice=lit.choice.without(far))


def _far(burst: Burst, lit: Lit) -> dict[int, str]:
    unmeasured = lit.choice.matrices.keys() - lit.lights.keys()
    reference = lit.choice.reference
    return far_exposures(burst.stages.driver, burst.frames, reference, lit.lights, unmeasured)


def _in_one_light(burst: Burst, reference: int, scores: list[float], held: bool) -> Lit:
    """Align frames, and where their light differs, once more in the light of the reference."""
    driver = burst.stages.driver
    choice = _aligned_most(burst, reference, scores, held)
    lights = lights_of(driver, burst.frames, choice.reference, choice.matrices)
    if not lights:
        return Lit(choice, lights, burst.frames)
    # A frame that is brighter has larger gradients, and is not sharper for that.
    fair = list(scores)
    for index, light in lights.items():
        fair[index] /= float(light.colors.mean()) ** 2
    best = max([choice.reference, *lights], key=lambda index: fair[index])
    choice = replace(choice, scores=fair)
    if best != choice.reference and not held:
        choice = _aligned_most(burst, best, fair, held)
        lights = lights_of(driver, burst.frames, choice.reference, choice.matrices)
    frames = [
        evened(frame, lights[index], choice.matrices[index]) if index in lights else frame
        for index, frame in enumerate(burst.frames)
    ]
    if lights:
        # A copy has no light of its own, and no longer shows what its evened original does.
        copies = {i: each.reason for i, each in choice.found.items() if COPY in each.reason}
        again = _aligned_to(replace(burst, frames=frames), choice.reference)
        choice = replace(choice, found=again).without(copies)
    return Lit(choice, lights, frames)


def _aligned_most(burst: Burst, reference: int, scores: list[float], held: bool) -> Choice:
    """Align to the reference, or to another where most frames show another scene."""
    best = Choice(reference, scores, _aligned_to(burst, reference))
    others = set(range(len(burst.frames))) - {reference} - set(best.matching)
    for _ in range(burst.stages.driver.count("burst.driver.align.OTHER_REFERENCES")):
        if held or 2 * len(best.matching) >= len(burst.frames) - 1 or not others:
            break
        index = max(others, key=lambda frame: scores[frame])
        other = Choice(index, scores, _aligned_to(burst, index))
        others -= {index, *other.matching}
        if len(other.matching) > len(best.matching):
            best = other
    return best


def _aligned_to(burst: Burst, reference: int) -> dict[int, Found]:
    """How all other frames lie on one."""
    stages, own = burst.stages, luma_of(burst.frames[reference])
    shares = stages.driver.number("imaging.color.LUMA_NOISE")
    noise_std = burst.alone[reference]
    if burst.given is not None:
        noise_std = burst.given.typical_std * shares
    ready = prepared(stages, own)
    textured = bool((own != own[0, 0]).any())
    found: dict[int, Found] = {}
    first: dict[bytes, int] = {}
    for index, frame in enumerate(burst.frames):
        if index == reference:
            continue
        luma = luma_of(frame)
        found[index] = aligned(stages, ready, luma, noise_std)
        if not textured:
            continue
        if np.array_equal(luma, own):
            found[index] = replace(found[index], reason=f"{COPY}the reference")
            continue
        original = first.setdefault(luma.tobytes(), index)
        if original != index and not found[index].reason:
            found[index] = replace(found[index], reason=f"{COPY}frame {original}")
    return found
