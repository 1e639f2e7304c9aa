"""Frames along their motions become sums on the finer grid, and these the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .light import LIGHT, Burst, Light
from .motion import moved
from .stages import Array

REFERENCE_WEIGHT = 1.5


@dataclass(frozen=True)
class Place:
    """A rectangle of the reference, which may reach beyond it."""

    top: int
    left: int
    height: int
    width: int


def merged(burst: Burst, noise: Array, lens_px: float) -> tuple[Array, Array]:
    """The enlarged picture, float32 [3, s·h, s·w], and the trust in the other frames, [F, h, w].

    Rows of tiles are summed from top to bottom; of each, as many rows stay as the next must know.
    """
    driver, (height, width) = burst.stages.driver, burst.size
    halo = burst.stages.table("burst.stages.blend").HALO_PX + driver.network_halo_px
    most = driver.shapes["encode"][2] - 2 * burst.stages.table("burst.stages.encode").HALO_PX
    picture, trusts = [], []
    kept = np.zeros((4 * driver.scale**2 + 3, 0, width + 2 * halo), np.float32)
    for top, rows in cuts(height + 2 * halo, most):
        place = Place(top - halo, -halo, rows, width + 2 * halo)
        planes, trust = summed(burst, noise, place, REFERENCE_WEIGHT)
        planes = np.concatenate((kept, planes), 1)
        if planes.shape[1] > 2 * halo:
            picture.append(_decoded(burst, planes, halo, noise, lens_px))
        kept = planes[:, -2 * halo :]
        trusts.append(trust[:, :, halo:-halo])
    return np.concatenate(picture, 1), np.concatenate(trusts, 1)[:, halo:-halo]


def summed(
    burst: Burst, noise: Array, place: Place, reference_weight: float
) -> tuple[Array, Array]:
    """Planes over a place no higher than a tile: sums 3·s², weights s², reference 3; and trusts.

    The latter are those in the other frames, [F, h, w].
    """
    halo, stages = burst.stages.table("burst.stages.encode").HALO_PX, burst.stages
    motions, planes, trusts = {burst.reference: np.eye(3), **burst.matrices}, [], []
    for left, width in cuts(place.width, stages.driver.shapes["encode"][3] - 2 * halo):
        top, first = place.top - halo, place.left + left - halo
        crop = Place(top, first, place.height + 2 * halo, width + 2 * halo)
        crops = {index: _cropped(burst, index, motions[index], crop) for index in motions}
        own, made = crops[burst.reference][0], []
        for index, (frame, offset, shown) in crops.items():
            trust = shown * np.float32(reference_weight if index == burst.reference else 1)
            numbers = _numbers(burst, burst.lights.get(index), crop, noise, 0.0)
            packed = np.concatenate((own, frame, offset, trust, numbers))
            made.append(stages.padded("encode", packed)[:, : place.height, :width])
        inner = own[:, halo : halo + place.height, halo : halo + width]
        planes.append(np.concatenate((sum(each[:-1] for each in made), inner)))
        trusts.append(np.array([each[-1] for each in made])[1:])
    return np.concatenate(planes, 2), np.concatenate(trusts, 2)


def blended(burst: Burst, planes: Array, noise: Array, lens_px: float) -> Array:
    """Features [4·s² + 8, h − 2, w − 2] of the planes of a band, no larger than ``blend`` takes."""
    _, height, width = planes.shape
    numbers = _numbers(burst, None, Place(0, 0, height, width), noise, lens_px)
    features = burst.stages.padded("blend", np.concatenate((planes, numbers)))
    return features[:, : height - 2, : width - 2]


def cuts(length: int, most: int) -> Iterator[tuple[int, int]]:
    """Starts and lengths of the fewest parts of at most ``most``, nearly equal."""
    count = math.ceil(length / most)
    for part in range(count):
        start = length * part // count
        yield start, length * (part + 1) // count - start


def _cropped(burst: Burst, index: int, matrix: Array, crop: Place) -> tuple[Array, Array, Array]:
    """What a frame shows along its motion: pixels [3, r, c], offsets [2, r, c], on it [1, r, c]."""
    (height, width), frame = burst.size, burst.frames[index]
    shift = _shifts(burst, matrix, crop)
    whole = np.floor(shift + np.float32(0.5))
    rest_x, rest_y = whole - shift
    m = matrix / matrix[2, 2]
    back = np.linalg.inv(m[:2, :2] - np.outer(m[:2, 2], m[2, :2])).astype(np.float32)
    offset = np.stack([row[0] * rest_x + row[1] * rest_y for row in back])
    most = burst.stages.table("burst.stages.encode").MAX_OFFSET_PX
    columns = np.arange(crop.width) + crop.left + whole[0].astype(int)
    rows = np.arange(crop.height)[:, None] + crop.top + whole[1].astype(int)
    shown = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    pixels = frame[:, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return pixels, offset.clip(-most, most), shown[None].astype(np.float32)


def _shifts(burst: Burst, matrix: Array, crop: Place) -> Array:
    """M p − p on a crop, float32 [2, r, c], bilinear between points that all tiles share."""
    table, (height, width) = burst.stages.table("burst.driver.tiles"), burst.size
    step = table.RIGID_LATTICE_PX
    first_row, first_column = crop.top // step * step, crop.left // step * step
    y = np.arange(first_row, crop.top + crop.height + step, step)[:, None] - (height - 1) / 2
    x = np.arange(first_column, crop.left + crop.width + step, step) - (width - 1) / 2
    there_x, there_y = moved(matrix, x, y)
    nodes = np.rint(np.stack((there_x - x, there_y - y)) * table.SHIFT_STEPS) / table.SHIFT_STEPS
    nodes = nodes.astype(np.float32)
    row = np.arange(crop.height) + crop.top - first_row
    column = np.arange(crop.width) + crop.left - first_column
    down = (row % step / step).astype(np.float32)[:, None]
    right = (column % step / step).astype(np.float32)
    left, above = column // step, row // step
    between = nodes[:, :, left] * (1 - right) + nodes[:, :, left + 1] * right
    return np.asarray(between[:, above] * (1 - down) + between[:, above + 1] * down)


def _numbers(burst: Burst, light: Light | None, crop: Place, noise: Array, lens_px: float) -> Array:
    """Light, noise and lens as channels, float32 [3, r, c]."""
    numbers = np.zeros((3, crop.height, crop.width), np.float32)
    numbers[:, :, 0] = 1
    if light is not None:
        gain, toe = (
            light.gains((np.arange(crop.height) + crop.top + 0.5) / burst.size[0]),
            burst.stages.table(LIGHT).TOE,
        )
        numbers[:, :, 0], numbers[:, :, 1] = gain, toe * gain - toe
    numbers[:, : noise.shape[1], 2:4] = noise
    numbers[:, 0, burst.stages.table("burst.converted.packed").LENS_COLUMN] = lens_px
    return numbers


def _decoded(burst: Burst, planes: Array, halo: int, noise: Array, lens_px: float) -> Array:
    """The picture of a band, in pieces that fit the files, [3, s·(h − 2·halo), s·(w − 2·halo)]."""
    driver = burst.stages.driver
    scale, margin = driver.scale, driver.scale * driver.network_halo_px
    told = np.minimum(noise, driver.learned_std)

    def piece(top: int, height: int, left: int, width: int) -> Array:
        taken = planes[:, top : top + height + 2 * halo, left : left + width + 2 * halo]
        made = burst.stages.padded("decode", blended(burst, taken, told, lens_px))
        return made[:, margin : margin + scale * height, margin : margin + scale * width]

    rows, columns = (list(cuts(n - 2 * halo, driver.decoded_px)) for n in planes.shape[1:])
    return np.block([[piece(*row, *column) for column in columns] for row in rows])
