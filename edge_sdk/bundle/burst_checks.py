"""Golden bursts step by step: how near the stages of a bundle come to what was packed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from edge_sdk.bundle.burst_vectors import BurstVector, zoomed
from edge_sdk.bundle.golden import signal_over_noise_db
from edge_sdk.bundle.manifest import Variant
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.result import ZoomResult
from edge_sdk.emulate.parity.gates import family
from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.registration.alignment.levels import levels_of

PICTURE_GATES_DB = {"fp32": 80, "fp16": 40, "w8": 35, "palette": 25, "int8": 30}
"""Least signal over noise of the picture of a golden burst, all stages in a precision."""
EXACT_DB = 80
"""Gate of a graph in single precision."""
EXACT_PX, ROUNDED_PX = 1e-3, 0.05
"""Most that motions and the lens may be off, in pixels: by stages in fp32, and by others."""
MOST_DB = 999.0
"""Decibels beyond which nothing is told apart; −999 where there was nothing to compare."""


@dataclass(frozen=True)
class StepCheck:
    """One step of the driver, held against what it was when the bundle was packed.

    Attributes:
        step: luma, a level, the scores, a motion, a light, noise, lens or features.
        found: signal over noise in dB, at most 999; or how far off it is, in pixels of a frame.
        gate: least decibels, or most pixels.
        unit: of both.
    """

    step: str
    found: float
    gate: float
    unit: Literal["dB", "px"]

    @property
    def passed(self) -> bool:
        """Whether it is near enough."""
        return self.found >= self.gate if self.unit == "dB" else self.found <= self.gate


@dataclass(frozen=True)
class BurstCheck:
    """How the driver of the SDK did on a golden burst, with the stages of a bundle.

    Attributes:
        name: of the burst.
        variant: whose stages ran.
        picture_db: signal over noise of the picture.
        gate_db: what it must reach.
        differs: what was decided otherwise, or which step is not near enough; empty for nothing.
        steps: on the way to the picture, in the order of work.
    """

    name: str
    variant: str
    picture_db: float
    gate_db: int
    differs: str
    steps: tuple[StepCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the picture reaches its gate, and all steps and decisions were alike."""
        return not self.differs and self.picture_db >= self.gate_db


def check_burst(vector: BurstVector, stages: StageFiles, variant: Variant) -> BurstCheck:
    """Zoom a golden burst by the stages of a variant, and compare every step.

    Args:
        vector: the burst.
        stages: of the variant.
        variant: whose they are.
    """
    gate_db = PICTURE_GATES_DB.get(family(variant.precision), PICTURE_GATES_DB["fp32"])
    name = vector.burst.name
    try:
        result, features = watched(vector, stages)
    except InputError as error:
        return BurstCheck(name, variant.name, -math.inf, gate_db, str(error))
    picture_db = min(vector.picture.snr_db(result.pixels), MOST_DB)
    steps = tuple(step_checks(vector, stages, result, features, variant))
    differs = _differs(vector, result) or _failed(steps)
    return BurstCheck(name, variant.name, picture_db, gate_db, differs, steps)


def watched(vector: BurstVector, stages: StageFiles) -> tuple[ZoomResult, Tensor]:
    """Zoom a golden burst; what comes of it, and the features of its first piece.

    Raises:
        InputError: if its frames cannot be zoomed by these stages.
    """
    seen: list[Tensor] = []
    stages.on_features = seen.append
    # Side by side, pieces would be seen in any order.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        result = zoomed(vector.burst, stages, stages.scale)
    finally:
        torch.set_num_threads(threads)
        stages.on_features = None
    return result, seen[0]


def step_checks(
    vector: BurstVector,
    stages: StageFiles,
    result: ZoomResult,
    features: Tensor,
    variant: Variant,
) -> Iterator[StepCheck]:
    """Hold every step of a golden burst against its vector.

    Args:
        vector: the burst.
        stages: that zoomed it.
        result: what came of it.
        features: of the first piece, float32 [1, C, h, w].
        variant: whose stages these are; its gates hold for what is made of them.
    """
    # The picture alone is behind decode.
    least_db = min(graph.gate_db for graph in variant.graphs if graph.stage != "decode")
    most_px = EXACT_PX if least_db >= EXACT_DB else ROUNDED_PX

    def near(step: str, snr_db: float) -> StepCheck:
        return StepCheck(step, min(max(snr_db, -MOST_DB), MOST_DB), least_db, "dB")

    def off(step: str, apart_px: float) -> StepCheck:
        return StepCheck(step, apart_px, most_px, "px")

    first = torch.from_numpy(vector.burst.drawn()[:1]).permute(0, 3, 1, 2).float() / 255
    luma = rgb_to_ycbcr(first)[:, :1]
    yield near("luma", vector.luma.snr_db(luma[0]))
    levels = levels_of(luma, stages.frame_stages.align)
    for index, known in enumerate(vector.levels):
        snr_db = known.snr_db(levels[index]) if index < len(levels) else -math.inf
        yield near(f"level {index}", snr_db)
    yield near("scores", _numbers_db([frame.score for frame in result.frames], vector.scores))
    for index in vector.used:
        if index == vector.reference:
            continue
        frame = result.frames[index]
        matrix = None if frame.registration is None else frame.registration.matrix.numpy()
        yield off(f"motion of frame {index}", _apart_px(matrix, vector, index))
        colors = [1.0] * 3 if frame.light is None else frame.light.colors.tolist()
        yield near(
            f"light of frame {index}", _numbers_db(colors, vector.lights[index] or [1.0] * 3)
        )
    curves = result.noise.tensor()[0].flatten().tolist()
    yield near("noise", _numbers_db(curves, vector.noise))
    yield off("lens", abs(result.lens.std_px - vector.lens_px))
    features_db = _features_db(vector, features)
    if features_db is not None:
        yield near("features", features_db)


def _numbers_db(found: Sequence[float], expected: Sequence[float]) -> float:
    if len(found) != len(expected):
        return -math.inf
    return signal_over_noise_db(np.array(found, np.float32), expected)


def _features_db(vector: BurstVector, features: Tensor) -> float | None:
    """Of the places that lie in the piece, which is smaller in a bundle of smaller tiles."""
    known = vector.features
    channels, height, width = features.shape[1:]
    if len(known.shape) != 4 or known.shape[:2] != (1, channels):
        return -math.inf
    area = known.shape[2] * known.shape[3]
    found, expected = [], []
    for place, value in zip(known.places, known.values, strict=True):
        channel, (row, column) = place // area, divmod(place % area, known.shape[3])
        if row < height and column < width:
            found.append(float(features[0, channel, row, column]))
            expected.append(value)
    return _numbers_db(found, expected) if expected else None


def _apart_px(matrix: np.ndarray | None, vector: BurstVector, index: int) -> float:
    """How far two motions lay a corner of a frame apart, at most."""
    known = vector.motions[index]
    if matrix is None or len(known) != 9:
        return math.inf
    x, y = vector.burst.width / 2, vector.burst.height / 2
    corners = np.array([[-x, x, -x, x], [-y, -y, y, y], [1, 1, 1, 1]])
    found, expected = (m @ corners for m in (matrix, np.array(known).reshape(3, 3)))
    apart = found[:2] / found[2] - expected[:2] / expected[2]
    return float(np.hypot(*apart).max())


def _failed(steps: Sequence[StepCheck]) -> str:
    """The first step that is not near enough, in words."""
    for step in steps:
        if step.passed:
            continue
        if step.unit == "dB":
            return f"{step.step}: {step.found:.1f} dB, and needs {step.gate:g}"
        return f"{step.step}: {step.found:.3g} px off, and may be {step.gate:g}"
    return ""


def _differs(vector: BurstVector, result: ZoomResult) -> str:
    """What was decided otherwise than in the vector."""
    used = tuple(index for index, frame in enumerate(result.frames) if not frame.note)
    for what, found, expected in (
        ("the reference", result.reference, vector.reference),
        ("the frames merged", used, vector.used),
        ("the number of hot pixels", result.hot_pixels, vector.hot),
    ):
        if found != expected:
            return f"{what}: {found}, not {expected}"
    return ""
