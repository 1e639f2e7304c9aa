"""Frames along their motions become sums on the finer grid, and these the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .light import Light
from .motion import moved
from .stages import Driver, Stages

REFERENCE_WEIGHT = 1.5
LENS_COLUMN = 4
STILL = np.eye(3)
TILES, ENCODE_HALO = "burst.driver.tiles.", "burst.stages.encode.HALO_PX"


@dataclass(frozen=True)
class Place:
    """A rectangle of the reference, which may reach beyond it."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class Plan:
    """What is merged.

    Attributes:
        frames: float32 [3, h, w] each, in their own light.
        reference: its index.
        matrices: by frame, motion of every other one that takes part.
        lights: by frame, where its light is another.
        noise: s and s′, [3, 6, 2].
        reference_weight: weight of its samples.
    """

    frames: list[np.ndarray]
    reference: int
    matrices: dict[int, np.ndarray]
    lights: dict[int, Light]
    noise: np.ndarray
    reference_weight: float = REFERENCE_WEIGHT

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        _, height, width = self.frames[0].shape
        return height, width


def merged(stages: Stages, plan: Plan, lens_px: float) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The enlarged picture, float32 [3, s·h, s·w], and the trust in each other frame, [h, w].

    Rows of tiles are summed from top to bottom; of each, as many rows stay as the next must know.
    """
    driver, (height, width) = stages.driver, plan.size
    halo = driver.count("burst.stages.blend.HALO_PX") + driver.network_halo_px
    most = driver.shapes["encode"][2] - 2 * driver.count(ENCODE_HALO)
    picture, trusts, bands = [], {i: np.zeros(plan.size, np.float32) for i in plan.matrices}, []
    for top, rows in cuts(height + 2 * halo, most):
        place = Place(top - halo, -halo, rows, width + 2 * halo)
        sums, trust = summed(stages, plan, place)
        for index, own in trust.items():
            first = max(place.top, 0)
            part = own[first - place.top : height - place.top, halo : halo + width]
            trusts[index][first : first + len(part)] = part
        bands.append(sums)
        joined = np.concatenate(bands, 1)
        if joined.shape[1] > 2 * halo:
            picture.append(_decoded(stages, plan, joined, halo, lens_px))
        bands = [joined[:, -2 * halo :]]
    return np.concatenate(picture, 1), trusts


def summed(
    stages: Stages, plan: Plan, place: Place
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Sums 3·s², weights s² and reference 3 over a place, [4·s² + 3, h, w], and trusts [h, w]."""
    driver = stages.driver
    most = driver.shapes["encode"][3] - 2 * driver.count(ENCODE_HALO)
    parts = []
    trusts: dict[int, list[np.ndarray]] = {index: [] for index in plan.matrices}
    for left, width in cuts(place.width, most):
        for top, height in cuts(place.height, most):
            tile = Place(place.top + top, place.left + left, height, width)
        total, trust = _encoded(stages, plan, tile)
        parts.append(total)
        for index, own in trust.items():
            trusts[index].append(own)
    return np.concatenate(parts, 2), {i: np.concatenate(each, 1) for i, each in trusts.items()}


def _encoded(
    stages: Stages, plan: Plan, tile: Place
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Stage ``encode`` of all frames on a tile."""
    driver, halo = stages.driver, stages.driver.count(ENCODE_HALO)
    crop = Place(tile.top - halo, tile.left - halo, tile.height + 2 * halo, tile.width + 2 * halo)
    own, offset, shown = cropped(driver, plan.frames[plan.reference], None, crop)
    total, trusts = np.zeros(0), {}
    for index in (plan.reference, *plan.matrices):
        if index == plan.reference:
            pixels, trust = own, shown * np.float32(plan.reference_weight)
            offset = np.zeros_like(own[:2])
        else:
            pixels, offset, trust = cropped(driver, plan.frames[index], plan.matrices[index], crop)
        numbers = packed_numbers(plan, plan.lights.get(index), crop, plan.noise)
        packed = np.concatenate((own, pixels, offset, trust[None], numbers))
        made = stages.padded("encode", packed)[:, : tile.height, : tile.width]
        total = made[:-1] if index == plan.reference else total + made[:-1]
        if index != plan.reference:
            trusts[index] = made[-1]
    inner = own[:, halo : halo + tile.height, halo : halo + tile.width]
    return np.concatenate((total, inner)), trusts


def cropped(
    driver: Driver, frame: np.ndarray, matrix: np.ndarray | None, crop: Place
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a frame shows along its motion: pixels [3, r, c], offsets [2, r, c], on it [r, c]."""
    height, width = frame.shape[1:]
    rows = np.arange(crop.height)[:, None] + crop.top
    columns = np.arange(crop.width)[None] + crop.left
    offset = np.zeros((2, crop.height, crop.width), np.float32)
    if matrix is not None:
        shift = _shifts(driver, matrix, (height, width), crop)
        whole = np.floor(shift + np.float32(0.5))
        rest = whole - shift
        m = matrix / matrix[2, 2]
        slope = m[:2, :2] - np.outer(m[:2, 2], m[2, :2])
        back = np.linalg.inv(slope).astype(np.float32)
        most = driver.number("burst.stages.encode.MAX_OFFSET_PX")
        offset[0] = (back[0, 0] * rest[0] + back[0, 1] * rest[1]).clip(-most, most)
        offset[1] = (back[1, 0] * rest[0] + back[1, 1] * rest[1]).clip(-most, most)
        columns, rows = columns + whole[0].astype(int), rows + whole[1].astype(int)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    pixels = frame[:, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return pixels, offset, inside.astype(np.float32)


def _shifts(
    driver: Driver, matrix: np.ndarray, size: tuple[int, int], crop: Place
) -> np.ndarray:
    """M p − p on a crop, float32 [2, r, c], bilinear between points that all tiles share."""
    step, steps = (driver.count(TILES + k) for k in ("RIGID_LATTICE_PX", "SHIFT_STEPS"))
    first_row, first_column = crop.top // step * step, crop.left // step * step
    rows = np.arange(first_row, crop.top + crop.height + step, step)
    columns = np.arange(first_column, crop.left + crop.width + step, step)
    x = columns[None] - (size[1] - 1) / 2
    y = rows[:, None] - (size[0] - 1) / 2
    there_x, there_y = moved(matrix, x, y)
    nodes = np.rint(np.stack((there_x - x, there_y - y)) * steps) / steps
    nodes = nodes.astype(np.float32)
    row = np.arange(crop.height) + crop.top - first_row
    column = np.arange(crop.width) + crop.left - first_column
    above, left = row // step, column // step
    down = (row % step / step).astype(np.float32)[:, None]
    right = (column % step / step).astype(np.float32)
    across = nodes[:, :, left] * (1 - right) + nodes[:, :, left + 1] * right
    return across[:, above] * (1 - down) + across[:, above + 1] * down


def packed_numbers(
    plan: Plan, light: Light | None, crop: Place, noise: np.ndarray, lens_px: float = 0.0
) -> np.ndarray:
    """Light, noise and lens as channels, float32 [3, r, c]."""
    numbers = np.zeros((3, crop.height, crop.width), np.float32)
    numbers[:, :, 0] = 1
    if light is not None:
        y = (np.arange(crop.height) + crop.top + 0.5) / plan.size[0]
        gain = light.gains(y)
        numbers[:, :, 0], numbers[:, :, 1] = gain, 0.055 * gain - 0.055
    numbers[:, : noise.shape[1], 2:4] = noise
    numbers[:, 0, LENS_COLUMN] = lens_px
    return numbers


def blended(
    stages: Stages, plan: Plan, sums: np.ndarray, noise: np.ndarray, lens_px: float
) -> np.ndarray:
    """Features [4·s² + 8, h − 2, w − 2] of sums, weights and reference [4·s² + 3, h, w]."""
    height, width = sums.shape[1:]
    numbers = packed_numbers(plan, None, Place(0, 0, height, width), noise, lens_px)
    features = stages.padded("blend", np.concatenate((sums, numbers)))
    return features[:, : height - 2, : width - 2]


def _decoded(
    stages: Stages, plan: Plan, sums: np.ndarray, halo: int, lens_px: float
) -> np.ndarray:
    """The picture of a band of sums, in pieces that fit the files, [3, s·(h − 2·halo), …]."""
    driver = stages.driver
    scale, margin = driver.scale, driver.scale * driver.network_halo_px
    told = np.minimum(plan.noise, driver.learned_std)
    height, width = sums.shape[1] - 2 * halo, sums.shape[2] - 2 * halo
    rows = []
    for top, down in cuts(height, driver.decoded_px):
        row = []
        for left, right in cuts(width, driver.decoded_px):
            piece = sums[:, top : top + down + 2 * halo, left : left + right + 2 * halo]
            features = blended(stages, plan, piece, told, lens_px)
            made = stages.padded("decode", features)
            bottom, end = margin + scale * down, margin + scale * right
            row.append(made[:, margin:bottom, margin:end])
        rows.append(np.concatenate(row, 2))
    return np.concatenate(rows, 1)


def cuts(length: int, most: int) -> Iterator[tuple[int, int]]:
    """Starts and lengths of the fewest parts of at most ``most``, nearly equal."""
    count = math.ceil(length / most)
    for part in range(count):
        start = length * part // count
        yield start, length * (part + 1) // count - start
