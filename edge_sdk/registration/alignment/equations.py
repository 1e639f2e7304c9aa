"""From sums of blocks to a step of a motion: at most eight unknowns, in double precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_sdk.registration.stages.expand import SCALE

DAMPING = 1e-9
"""Share of the trace that is added to the diagonal: a flat picture leaves directions at rest."""
LEAST_SHARE = 0.5
"""Share of its points that a block must show for the spread to be told from it."""
FITS_LEAST, FITS_FULLY = 0.5, 0.75
"""Mean fit of the pixels of a block up to which it does not count, and from which on it does in
full; noise alone leaves 0.95."""
LEAST_SPREAD = 3e-4
"""Least standard deviation of residuals."""


@dataclass(frozen=True, eq=False)
class BlockSums:
    """What stage ``align`` returns, in double precision; means over the 64 points of a block.

    Attributes:
        products: float64 [N, 5, 4, B]: of v_x, v_y, v, 1 and r with w·(v_x, v_y, v, 1).
        squares: float64 [N, B]: of m·r².
        fits: float64 [N, B]: of m·e.
        shares: float64 [N, B]: of m.
    """

    products: np.ndarray
    squares: np.ndarray
    fits: np.ndarray
    shares: np.ndarray

    @property
    def beliefs(self) -> np.ndarray:
        """How far blocks show what the reference shows, [N, B] in [0, 1].

        In one that shows something else some pixels agree by chance.
        """
        fit = self.fits / np.maximum(self.shares, 1e-9)
        beliefs: np.ndarray = np.clip((fit - FITS_LEAST) / (FITS_FULLY - FITS_LEAST), 0.0, 1.0)
        return beliefs

    @staticmethod
    def of(sums: np.ndarray, shown: np.ndarray) -> BlockSums:
        """Name the channels of a result [N, 22, B, 1] for masks [N, B, 64]."""
        double = sums[..., 0].astype(np.float64)
        products = double[:, :20].reshape(len(double), 5, 4, -1)
        return BlockSums(products, double[:, 20], double[:, 21], shown.mean(-1, dtype=np.float64))


@dataclass(frozen=True, eq=False)
class Steps:
    """What Gauss–Newton asks for.

    Attributes:
        motions: float64 [N, K], in pixels at the radius, of the reference: slopes of the frame are
            those of the reference times the gain.
        gains: float64 [N], changes of the gain.
        offsets: float64 [N], changes of the offset.
    """

    motions: np.ndarray
    gains: np.ndarray
    offsets: np.ndarray


def solved(sums: BlockSums, moves: np.ndarray) -> Steps:
    """Solve for motions, gains and offsets.

    With B_x, B_y the moves of a block in the directions of the model, the columns of the system are
    v_x·B_x + v_y·B_y, v and 1, and its right side is r. Gain and offset are eliminated first, so
    that no more unknowns are solved for at once than the motion has.

    Args:
        sums: of all blocks.
        moves: float64 [2, K, B], as
            :class:`~edge_sdk.registration.alignment.points.LevelPoints` has them.
    """
    products = sums.products * sums.beliefs[:, None, None]
    # [N, 5, K, B]: w times the column of the motion, times v_x, v_y, v, 1 and r.
    along = products[:, :, None, 0] * moves[0] + products[:, :, None, 1] * moves[1]
    normal = along[:, 0] @ moves[0].T + along[:, 1] @ moves[1].T
    mixed = along[:, 2:].sum(-1).swapaxes(1, 2)
    light, right = mixed[..., :2], mixed[..., 2:]
    own = products[:, 2:, 2:].sum(-1)
    own, own_right = own[:, :2], own[:, 2, :, None]
    damping = DAMPING * (_trace(normal) + _trace(own))[:, None, None] + 1e-12
    inverse = np.linalg.inv(own + damping * np.eye(2))
    through = light @ inverse
    rest = normal - through @ light.swapaxes(1, 2) + damping * np.eye(normal.shape[-1])
    motions = np.linalg.solve(rest, right - through @ own_right)
    changes = inverse @ (own_right - light.swapaxes(1, 2) @ motions)
    return Steps(motions[..., 0], changes[:, 0, 0], changes[:, 1, 0] / SCALE)


def spreads_of(sums: BlockSums, otherwise: np.ndarray) -> np.ndarray:
    """Robust standard deviations of residuals [N] in [0, 1]: medians over the blocks shown.

    Args:
        sums: of all blocks.
        otherwise: float [N], what holds where a frame shows no block.
    """
    shown = sums.shares > LEAST_SHARE
    squares = np.where(shown, sums.squares / np.maximum(sums.shares, LEAST_SHARE), np.inf)
    squares.sort(-1)
    count = shown.sum(-1)
    median = np.take_along_axis(squares, np.maximum(count - 1, 0)[:, None] // 2, -1)[:, 0]
    found = np.maximum(np.sqrt(median) / SCALE, LEAST_SPREAD)
    return np.where(count > 0, found, otherwise)


def explained_by(sums: BlockSums, gains: np.ndarray) -> np.ndarray:
    """Squared correlations [N] of reference and frame, from sums in which all pixels count alike.

    Of the frame only what the reference puts into it counts: nothing if dark and bright are
    exchanged.
    """
    totals = sums.products[:, 2:, 2:].sum(-1).transpose(1, 2, 0)
    (square, first), (_, count), (product, rest) = totals
    count = np.maximum(count, 1e-9)
    variance = np.maximum(square / count - (first / count) ** 2, 0.0)
    shared = product / count - first * rest / count**2
    slope = shared / np.maximum(variance, 1e-9)
    seen = variance * np.maximum(gains + slope, 0.0) ** 2
    squares = sums.squares.sum(-1) / count
    left = np.maximum(squares - (rest / count) ** 2 - shared * slope, 0.0)
    explained: np.ndarray = seen / np.maximum(seen + left, 1e-9)
    return explained


def _trace(matrices: np.ndarray) -> np.ndarray:
    trace: np.ndarray = np.trace(matrices, axis1=1, axis2=2)
    return trace
