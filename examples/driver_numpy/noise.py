"""What a sensor adds to the scene: noise, measured between aligned frames, and hot pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .light import CLIPPED, lower_median
from .motion import moved
from .stages import Driver

LEVELS = (0.0, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Values at which curves of noise are given."""
LUMA_WEIGHTS = np.array((0.299, 0.587, 0.114))
MARGIN_PX = 2
DARKEST, BRIGHTEST, SAME, AT_REST = 0.02, 0.95, (0.1 / 255) ** 2, 0.05**2
QUIET_BIAS = (0.985, 0.955)
ITERATIONS = 20
MIN_EXCESS = 16 / 255
TILES, GAUGE, HOT = "burst.noise.tiles.", "burst.noise.gauge.", "burst.frames.hot_pixels."


@dataclass(frozen=True, eq=False)
class Noise:
    """Noise of one frame: s and s′ by color and level, float64 [3, 6, 2], and that of luma."""

    curves: np.ndarray
    typical_std: float

    @classmethod
    def white(cls, std: float) -> Noise:
        """The same at all levels and in all colors."""
        return cls(np.full((3, len(LEVELS), 2), std), std)


def measured_noise(
    driver: Driver,
    frames: list[np.ndarray],
    reference: int,
    matrices: dict[int, np.ndarray],
    shares: dict[int, float],
    alone: float,
) -> Noise:
    """Noise between frames in one light.

    Args:
        driver: constants.
        frames: float32 [3, h, w] each.
        reference: its index.
        matrices: by frame, its motion.
        shares: by frame, (1 + g²)/2 where its light was another.
        alone: noise seen in the reference alone.
    """
    every = max(1, -(-len(matrices) // driver.count(TILES + "MAX_FRAMES")))
    chosen = list(matrices)[::every]
    corners = _corners(driver, frames[reference].shape)
    if not chosen or not corners:
        return Noise.white(alone)
    own = [_patch(driver, frames[reference], corner) for corner in corners]
    level = np.array([patch[:, 2:-2, 2:-2].mean((1, 2)) for patch in own])
    seen = np.array(
        [
            [
                _compared(patch, *_aligned_patch(driver, frames[i], corner, matrices[i]), share)
                for patch, corner in zip(own, corners, strict=True)
            ]
            for i in chosen
            for share in (shares.get(i, 1.0),)
        ]
    )
    tiles = _middle(seen[_originals(driver, seen)])
    used = ~np.isnan(tiles).any((1, 2)) & (tiles[:, :, 0] > SAME).any(1)
    used &= ((level > DARKEST) & (level < BRIGHTEST)).all(1)
    if used.sum() < driver.count(GAUGE + "LEAST_TILES"):
        return Noise.white(alone)
    return _by_color(driver, tiles[used], level[used], alone)


def hot_pixels(
    driver: Driver,
    frames: list[np.ndarray],
    reference: int,
    matrices: dict[int, np.ndarray],
    noise_std: float,
) -> np.ndarray:
    """Whether a pixel of the sensor is bright in all frames, bool [3, h, w]; in one light."""
    (_, height, width), least = frames[reference].shape, driver.number(HOT + "MIN_MOTION_PX")
    x = np.array([0, -1, 1, -1, 1]) * width / 2
    y = np.array([0, -1, -1, 1, 1]) * height / 2
    telling = []
    for index, matrix in matrices.items():
        there_x, there_y = moved(matrix, x, y)
        if np.hypot(there_x - x, there_y - y).min() >= least:
            telling.append(index)
    if len(telling) + 1 < driver.count(HOT + "MIN_FRAMES"):
        return np.zeros(frames[reference].shape, bool)
    bound = max(MIN_EXCESS, driver.number(HOT + "NOISE_FACTOR") * noise_std)
    votes = sum(_excess(frames[index]) > bound for index in telling)
    steady = votes >= math.ceil(driver.number(HOT + "STEADY_SHARE") * len(telling))
    return steady & (_excess(frames[reference]) > bound)


def mended(frame: np.ndarray, hot: np.ndarray) -> np.ndarray:
    """A frame whose hot pixels hold the median of their neighbors."""
    around = np.sort(_neighbors(frame), axis=0)
    return np.where(hot, (around[3] + around[4]) / 2, frame)


def _neighbors(frame: np.ndarray) -> np.ndarray:
    """The eight neighbors of all pixels, mirrored at the edge, [8, 3, h, w]."""
    _, height, width = frame.shape
    padded = np.pad(frame, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    places = [(down, right) for down in range(3) for right in range(3) if (down, right) != (1, 1)]
    return np.stack([padded[:, j : j + height, i : i + width] for j, i in places])


def _excess(frame: np.ndarray) -> np.ndarray:
    return frame - _neighbors(frame).max(0)


def _corners(driver: Driver, size: tuple[int, ...]) -> list[tuple[int, int]]:
    """Rows and columns where tiles start."""
    side, most = driver.count(TILES + "TILE_PX"), driver.count(TILES + "MAX_TILES")
    step = side if size[1] * size[2] > 256 * side**2 else side // 2
    rows, columns = (
        range(MARGIN_PX, length - side - MARGIN_PX + 1, step) for length in size[1:]
    )
    thinned = max(1, math.ceil(math.sqrt(len(rows) * len(columns) / most)))
    start = thinned // 2
    return [(row, column) for row in rows[start::thinned] for column in columns[start::thinned]]


def _patch(driver: Driver, frame: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """A tile with its margin, float64 [3, 20, 20]."""
    (row, column), far = corner, driver.count(TILES + "TILE_PX") + MARGIN_PX
    patch = frame[:, row - MARGIN_PX : row + far, column - MARGIN_PX : column + far]
    return patch.astype(np.float64)


def _aligned_patch(
    driver: Driver, frame: np.ndarray, corner: tuple[int, int], matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray, bool]:
    """A tile of a frame at whole pixels, their distances [2, 20, 20], whether all are shown."""
    (_, height, width), side = frame.shape, driver.count(TILES + "TILE_PX")
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    x, y = corner[1] - middle[0], corner[0] - middle[1]
    origin, right, down = (
        np.array(moved(matrix, x + across, y + along)) + middle
        for across, along in ((0, 0), (side, 0), (0, side))
    )
    share = np.arange(-MARGIN_PX, side + MARGIN_PX) / side
    # Over a tile the motion is linear.
    there = origin[:, None, None] + (right - origin)[:, None, None] * share
    there = there + (down - origin)[:, None, None] * share[:, None]
    whole = np.rint(there)
    column, row = whole.astype(int)
    shown = row.min() >= 0 and row.max() < height and column.min() >= 0 and column.max() < width
    pixels = frame[:, row.clip(0, height - 1), column.clip(0, width - 1)]
    return pixels.astype(np.float64), whole - there, bool(shown)


def _compared(
    own: np.ndarray, other: np.ndarray, rest: np.ndarray, shown: bool, share: float
) -> np.ndarray:
    """V, c, t, u, h of a tile by color, and the square of the rest: [3, 6]."""
    if not shown or max(own.max(), other.max()) >= np.float32(CLIPPED):
        return np.full((3, 6), np.nan)
    rest_x, rest_y = rest[:, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    mean, other_mean = _box(own), _box(other)
    product = _inner(_inner(own) - mean) * _inner(_inner(other) - other_mean)
    (slope_x, slope_y), (other_x, other_y) = _slopes(mean), _slopes(other_mean)
    along = slope_x * other_x + slope_y * other_y
    squares = slope_x**2 + slope_y**2 + other_x**2 + other_y**2
    carried = _carried(_inner((own + other) / 2), rest_x, rest_y)
    difference = _inner(_inner(other - own)) - carried
    fine, coarse = difference**2 / (2 * share), _box(difference) ** 2 * (9 / (2 * share))
    beside = np.broadcast_to(rest_x**2 + rest_y**2, difference.shape)
    parts = (fine, coarse, product, along, squares, beside)
    return np.stack([part.mean((1, 2)) for part in parts], 1)


def _inner(x: np.ndarray) -> np.ndarray:
    return x[:, 1:-1, 1:-1]


def _box(x: np.ndarray) -> np.ndarray:
    """Means over 3×3."""
    down = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    return (down[..., :-2] + down[..., 1:-1] + down[..., 2:]) / 9


def _slopes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (x[:, 1:-1, 2:] - x[:, 1:-1, :-2]) / 2, (x[:, 2:, 1:-1] - x[:, :-2, 1:-1]) / 2


def _carried(x: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """What a picture gains from its pixels to places beside them: Taylor's series to squares."""
    slope_x, slope_y = _slopes(x)
    bend_x = x[:, 1:-1, 2:] + x[:, 1:-1, :-2] - 2 * _inner(x)
    bend_y = x[:, 2:, 1:-1] + x[:, :-2, 1:-1] - 2 * _inner(x)
    twist = (x[:, 2:, 2:] + x[:, :-2, :-2] - x[:, 2:, :-2] - x[:, :-2, 2:]) / 4
    bent = (right**2 * bend_x + down**2 * bend_y) / 2
    return right * slope_x + down * slope_y + right * down * twist + bent


def _originals(driver: Driver, seen: np.ndarray) -> list[int]:
    """Frames, of [F, n, 3, 6], that are no copies of the reference written anew."""
    share, quantile = (driver.number(TILES + k) for k in ("COPY_SHARE", "COPY_QUANTILE"))
    known = [frame[~np.isnan(frame[..., 0])] for frame in seen]
    differ = [np.quantile(k[:, 0], quantile) if len(k) else math.inf for k in known]
    at_rest = [len(k) > 0 and lower_median(k[:, 5]) < AT_REST for k in known]
    most = max((each for each in differ if each < math.inf), default=0.0)
    copies = [rests and each < share * most for rests, each in zip(at_rest, differ, strict=True)]
    return [index for index, copy in enumerate(copies) if not copy]


def _middle(seen: np.ndarray) -> np.ndarray:
    """Lower medians [n, 3, 5] over the frames that lie nearest, of [F, n, 3, 6]."""
    middle = np.full((*seen.shape[1:3], 5), np.nan)
    for tile in range(seen.shape[1]):
        for color in range(3):
            known = seen[~np.isnan(seen[:, tile, color, 0]), tile, color]
            if len(known):
                near = known[known[:, 5] <= lower_median(known[:, 5])]
                middle[tile, color] = [lower_median(near[:, k]) for k in range(5)]
    return middle


def _by_color(driver: Driver, tiles: np.ndarray, level: np.ndarray, alone: float) -> Noise:
    """Curves through tiles, [n, 3, 5] at levels [n, 3]."""
    curves, variance = np.empty((3, len(LEVELS), 2)), 0.0
    for color in range(3):
        hats = _hats(level[:, color])
        calm = _calm(driver, hats, tiles[:, color, 4])
        texture = tiles[calm, color, 2:4].clip(0)
        fine, coarse = (
            np.sqrt(_curve(driver, tiles[calm, color, k], hats[calm], texture)) / QUIET_BIAS[k]
            for k in (0, 1)
        )
        if alone > 0:
            fine = np.minimum(fine, driver.number(GAUGE + "MAX_SMOOTHING") * alone)
        # Nine pixels that all go along have thrice the noise of nine that do not.
        coarse = np.minimum(coarse, 3 * fine)
        curve = np.stack((fine, coarse), 1).clip(0, driver.number(GAUGE + "MAX_STD"))
        share = LUMA_WEIGHTS[color] ** 2 / (LUMA_WEIGHTS**2).sum()
        variance += share * ((hats @ curve[:, 1]) ** 2).mean()
        curves[color] = curve
    return Noise(curves, math.sqrt(variance))


def _hats(level: np.ndarray) -> np.ndarray:
    """Weights [n, 6] of linear interpolation between ``LEVELS``."""
    return np.stack([np.interp(level, LEVELS, row) for row in np.eye(len(LEVELS))], 1)


def _calm(driver: Driver, hats: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Tiles of least slope, as large a share of those near each level."""
    nearest, found = hats.argmax(1), []
    for knot in range(len(LEVELS)):
        near = np.flatnonzero(nearest == knot)
        least = np.argsort(slope[near], kind="stable")
        found.append(near[least[: math.ceil(driver.number(GAUGE + "CALM_SHARE") * len(near))]])
    return np.concatenate(found)


def _curve(
    driver: Driver, values: np.ndarray, hats: np.ndarray, texture: np.ndarray
) -> np.ndarray:
    """Points [6] of a curve of variance: a quantile of the tiles, by its own loss."""
    names = ("QUIET_SHARE", "LEAST_DEVIATION", "TIE", "EVEN_TEXTURE")
    quiet, least, tie, even = (driver.number(GAUGE + name) for name in names)
    count = len(LEVELS)
    basis = np.concatenate((hats, texture / np.maximum(texture.mean(0), 1e-12)), 1)
    steps = np.diff(np.eye(count, count + 2), axis=0)
    found, used = np.zeros(count + 2), np.ones(count + 2, bool)
    found[:count] = lower_median(values)
    for _ in range(ITERATIONS):
        expected = np.maximum(basis @ found, 1e-12)
        beyond = (values - basis @ found) / expected
        deviation = np.maximum(abs(beyond), least)
        weight = 2 * np.where(beyond > 0, quiet, 1 - quiet) / (deviation * expected**2)
        points = np.maximum(found[:count], 1e-12)
        ties = tie / (lower_median(deviation) * points[1:] * points[:-1])
        normal = basis.T @ (weight[:, None] * basis) + steps.T @ (ties[:, None] * steps)
        # Texture that is everywhere the same cannot be told from noise, and is then no texture.
        normal[count:, count:] += even * weight.sum() * np.eye(2)
        diagonal = normal.diagonal()
        normal = normal + 1e-9 * np.diag(np.maximum(diagonal, 1e-6 * diagonal.max()))
        target = basis.T @ (weight * values)
        found = np.zeros(count + 2)
        found[used] = np.linalg.solve(normal[np.ix_(used, used)], target[used])
        # Texture that makes a tile quieter is chance.
        used[count:] &= found[count:] >= 0
        found = np.maximum(found, 0)
    return found[:count]
