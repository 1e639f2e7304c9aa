"""What a sensor adds to the scene: noise, measured between aligned frames, and hot pixels."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from .light import Burst
from .motion import SIDES_X, SIDES_Y, lower_median, moved
from .stages import Array, Stages

TILES, GAUGE, MAP = "burst.noise.tiles", "burst.noise.gauge", "burst.stages.noise_map"


def white(stages: Stages, std: float) -> Array:
    """Noise of one σ in all colors and at all levels, s and s′: float64 [3, 6, 2]."""
    return np.full((3, len(stages.table(MAP).LEVELS), 2), std)


def measured_noise(burst: Burst, alone: float) -> tuple[Array, float]:
    """Noise between frames in one light: s and s′, float64 [3, 6, 2], and the typical σ.

    Where too little can be compared it is that which is seen in the reference alone.
    """
    table, margin = burst.stages.table(TILES), burst.stages.table(TILES).MARGIN_PX
    chosen = list(burst.matrices)[:: max(1, math.ceil(len(burst.matrices) / table.MAX_FRAMES))]
    level, seen = [], []
    for row, column in _corners(burst, table):
        rows = slice(row - margin, row + table.TILE_PX + margin)
        columns = slice(column - margin, column + table.TILE_PX + margin)
        own = burst.frames[burst.reference][:, rows, columns].astype(np.float64)
        level.append(own[:, margin:-margin, margin:-margin].mean((1, 2)))
        seen.append([_compared(burst, own, row, column, index) for index in chosen])
    if chosen and seen:
        tiles = _middle(table, np.array(seen).swapaxes(0, 1))
        levels = np.array(level)
        used = ~np.isnan(tiles).any((1, 2)) & (tiles[:, :, 0] > table.SAME).any(1)
        used &= (levels.min(1) > table.DARKEST) & (levels.max(1) < table.BRIGHTEST)
        if used.sum() >= burst.stages.table(GAUGE).LEAST_TILES:
            return _by_color(burst.stages, tiles[used], levels[used], alone)
    return white(burst.stages, alone), alone


def hot_pixels(burst: Burst, noise_std: float) -> Array:
    """Whether a pixel of the sensor is bright in all frames, bool [3, h, w]; in one light."""
    table, (height, width) = burst.stages.table("burst.frames.hot_pixels"), burst.size
    x, y = np.append(SIDES_X * width, 0), np.append(SIDES_Y * height, 0)
    telling = []
    for index, matrix in burst.matrices.items():
        there_x, there_y = moved(matrix, x, y)
        if np.hypot(there_x - x, there_y - y).min() >= table.MIN_MOTION_PX:
            telling.append(index)
    if len(telling) + 1 < table.MIN_FRAMES:
        return np.zeros((3, height, width), bool)
    least = max(table.MIN_EXCESS, table.NOISE_FACTOR * noise_std)
    own, *others = (
        burst.frames[index] - _neighbors(burst.frames[index])[-1] > least
        for index in (burst.reference, *telling)
    )
    return np.asarray(own & (np.sum(others, 0) >= math.ceil(table.STEADY_SHARE * len(telling))))


def mended(frame: Array, hot: Array) -> Array:
    """A frame whose hot pixels hold the median of their neighbors."""
    around = _neighbors(frame)
    return np.where(hot, (around[3] + around[4]) / 2, frame)


def _neighbors(frame: Array) -> Array:
    """The eight neighbors of all pixels, mirrored at the edge, by size: [8, 3, h, w]."""
    padded = np.pad(frame, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    near = [_by(padded, x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if x != 0 or y != 0]
    return np.sort(near, axis=0)


def _by(x: Array, right: int, down: int) -> Array:
    """What lies so far beside all pixels [C, h, w] within a margin of 1: [C, h − 2, w − 2]."""
    height, width = x.shape[1:]
    return x[:, 1 + down : height - 1 + down, 1 + right : width - 1 + right]


def _box(x: Array) -> Array:
    """Means over 3×3."""
    near = [_by(x, right, down) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return np.asarray(np.mean(near, axis=0))


def _corners(burst: Burst, table: SimpleNamespace) -> list[tuple[int, int]]:
    """Rows and columns where tiles start."""
    (height, width), side = burst.size, table.TILE_PX
    step = side if height * width > 256 * side**2 else side // 2
    margin = table.MARGIN_PX
    rows, columns = (range(margin, n - side - margin + 1, step) for n in (height, width))
    every = max(1, math.ceil(math.sqrt(len(rows) * len(columns) / table.MAX_TILES)))
    return [(y, x) for y in rows[every // 2 :: every] for x in columns[every // 2 :: every]]


def _compared(burst: Burst, own: Array, row: int, column: int, index: int) -> Array:
    """V, c, t, u, h of a tile by color, and the square of the rest of the shift: [3, 6]."""
    frame, (height, width), margin = (
        burst.frames[index],
        burst.size,
        burst.stages.table(TILES).MARGIN_PX,
    )
    side, clipped = own.shape[1] - 2 * margin, burst.stages.table("burst.photometry.evened").CLIPPED
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    x, y = np.array((0, side, 0)) + column - middle_x, np.array((0, 0, side)) + row - middle_y
    there_x, there_y = moved(burst.matrices[index], x, y)
    # Over a tile the motion is linear: from its corner to the right and down.
    across = np.arange(-margin, side + margin) / side
    (x, y), (x_right, y_right), (x_down, y_down) = zip(there_x, there_y, strict=True)
    x = x + middle_x + (x_right - x) * across + (x_down - x) * across[:, None]
    y = y + middle_y + (y_right - y) * across + (y_down - y) * across[:, None]
    columns, rows = np.rint(x).astype(int), np.rint(y).astype(int)
    if rows.min() < 0 or columns.min() < 0 or rows.max() >= height or columns.max() >= width:
        return np.full((3, 6), np.nan)
    other = frame[:, rows, columns].astype(np.float64)
    if max(own.max(), other.max()) >= np.float32(clipped):
        return np.full((3, 6), np.nan)
    gain = float((1 / burst.lights[index].colors).mean()) if index in burst.lights else 1.0
    inside = slice(margin, -margin)
    right, down = (columns - x)[inside, inside], (rows - y)[inside, inside]
    seen = _moments(own, other, right, down)
    seen[:, :2] /= 0.5 + 0.5 * gain**2
    return seen


def _moments(own: Array, other: Array, right: Array, down: Array) -> Array:
    """What two tiles [3, 20, 20] say of noise and of texture, [3, 6]."""
    mean, other_mean, both = _box(own), _box(other), _by((own + other) / 2, 0, 0)
    finest = _by(_by(own, 0, 0) - mean, 0, 0) * _by(_by(other, 0, 0) - other_mean, 0, 0)
    (x, y), (other_x, other_y), (both_x, both_y) = map(_slopes, (mean, other_mean, both))
    # Taylor's series to squares.
    bend_x = _by(both, 1, 0) + _by(both, -1, 0) - 2 * _by(both, 0, 0)
    bend_y = _by(both, 0, 1) + _by(both, 0, -1) - 2 * _by(both, 0, 0)
    twist = (_by(both, 1, 1) + _by(both, -1, -1) - _by(both, 1, -1) - _by(both, -1, 1)) / 4
    carried = right * both_x + down * both_y + right * down * twist
    carried += (right**2 * bend_x + down**2 * bend_y) / 2
    difference = _by(_by(other - own, 0, 0), 0, 0) - carried
    along, squares = x * other_x + y * other_y, x**2 + y**2 + other_x**2 + other_y**2
    rest = np.broadcast_to(right**2 + down**2, finest.shape)
    parts = (difference**2 / 2, 4.5 * _box(difference) ** 2, finest, along, squares, rest)
    return np.stack([part.mean((1, 2)) for part in parts], 1)


def _slopes(x: Array) -> tuple[Array, Array]:
    return (_by(x, 1, 0) - _by(x, -1, 0)) / 2, (_by(x, 0, 1) - _by(x, 0, -1)) / 2


def _middle(table: SimpleNamespace, seen: Array) -> Array:
    """Medians [n, 3, 5] over the nearest frames, of [F, n, 3, 6], without copies written anew."""
    known = [frame[~np.isnan(frame[..., 0])] for frame in seen]
    differ = [np.quantile(k[:, 0], table.COPY_QUANTILE) if len(k) else math.inf for k in known]
    most = max((each for each in differ if each < math.inf), default=0.0)
    originals = [
        not (each < table.COPY_SHARE * most and lower_median(k[:, 5]) < table.AT_REST)
        for each, k in zip(differ, known, strict=True)
    ]
    seen = seen[originals]
    middle = np.full((*seen.shape[1:3], 5), np.nan)
    for tile, color in np.ndindex(*middle.shape[:2]):
        shown = seen[~np.isnan(seen[:, tile, color, 0]), tile, color]
        if len(shown):
            near = shown[shown[:, 5] <= lower_median(shown[:, 5])]
            middle[tile, color] = [lower_median(near[:, k]) for k in range(5)]
    return middle


def _by_color(stages: Stages, tiles: Array, level: Array, alone: float) -> tuple[Array, float]:
    """Curves through tiles [n, 3, 5] at levels [n, 3], and the typical σ."""
    table, levels, shares = (
        stages.table(GAUGE),
        stages.table(MAP).LEVELS,
        stages.table(MAP).LUMA_SHARES,
    )
    curves, variance = white(stages, 0.0), 0.0
    for color in range(3):
        # Weights of linear interpolation between levels.
        hats = np.stack([np.interp(level[:, color], levels, row) for row in np.eye(len(levels))], 1)
        nearest, calm = hats.argmax(1), []
        for knot in range(len(levels)):
            near = np.flatnonzero(nearest == knot)
            least = np.argsort(tiles[near, color, 4], kind="stable")
            calm += near[least[: math.ceil(table.CALM_SHARE * len(near))]].tolist()
        texture = np.maximum(tiles[calm, color, 2:4], 0)
        for k, bias in enumerate(table.QUIET_BIAS):
            found = _curve(table, tiles[calm, color, k], hats[calm], texture)
            curves[color, :, k] = np.sqrt(found) / bias
        fine, coarse = curves[color].T
        if alone > 0:
            fine = np.minimum(fine, table.MAX_SMOOTHING * alone)
        # Nine pixels that all go along have thrice the noise of nine that do not.
        coarse = np.minimum(coarse, 3 * fine)
        curves[color] = np.minimum(np.stack((fine, coarse), 1), table.MAX_STD)
        variance += shares[color] * ((hats @ curves[color, :, 1]) ** 2).mean()
    return curves, math.sqrt(variance)


def _curve(table: SimpleNamespace, values: Array, hats: Array, texture: Array) -> Array:
    """Points [6] of a curve of variance: a quantile of the tiles, by its own loss."""
    count, quiet = hats.shape[1], table.QUIET_SHARE
    basis = np.concatenate((hats, texture / np.maximum(texture.mean(0), 1e-12)), 1)
    steps = np.diff(np.eye(count, count + 2), axis=0)
    used = np.ones(count + 2, bool)
    found = np.append(np.full(count, lower_median(values)), (0, 0))
    for _ in range(table.ITERATIONS):
        expected = np.maximum(basis @ found, 1e-12)
        beyond = (values - basis @ found) / expected
        deviation = np.maximum(abs(beyond), table.LEAST_DEVIATION)
        weight = 2 * np.where(beyond > 0, quiet, 1 - quiet) / (deviation * expected**2)
        points = np.maximum(found[:count], 1e-12)
        ties = table.TIE / (lower_median(deviation) * points[1:] * points[:-1])
        normal = basis.T @ (weight[:, None] * basis) + steps.T @ (ties[:, None] * steps)
        # Texture that is everywhere the same cannot be told from noise, and is then no texture.
        normal[count:, count:] += table.EVEN_TEXTURE * weight.sum() * np.eye(2)
        diagonal = normal.diagonal()
        normal = normal + 1e-9 * np.diag(np.maximum(diagonal, 1e-6 * diagonal.max()))
        found = np.zeros(count + 2)
        right = basis.T @ (weight * values)
        found[used] = np.linalg.solve(normal[np.ix_(used, used)], right[used])
        # Texture that makes a tile quieter is chance.
        used[count:] &= found[count:] >= 0
        found = np.maximum(found, 0)
    return found[:count]
