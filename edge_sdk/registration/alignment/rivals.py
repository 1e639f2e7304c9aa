"""Several motions of one frame: which one its pixels speak for, or that they do not say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge_sdk.registration.alignment.refining import LevelAlign, Motions

CHANCE = 0.1
"""Difference of two misfits of a block that noise and aliasing alone may cause."""
EVIDENCE = 1.0
"""Sum of misfits, beyond chance, that a rival must have more: a block of something else has it."""
AGREED = 3.0
"""Evidence for a motion over that for its rival."""
BETTER = 0.97
"""Mean misfit over that of the first motion for another to be looked at before it."""
APART_PX = 1.0
"""Motions whose corners lie no further apart are one."""
SHOWN = 0.5
"""Part of the points of a block that a frame must show for it to be asked."""


def settled(level: LevelAlign, frames: np.ndarray, motions: Motions) -> Motions:
    """Leave out the motions that another motion of their frame clearly beats.

    The misfit of a block is the mean of min(r²/b, 1), at the least spread that a motion of the
    frame left. A motion beats another where the other's misfits are larger by ``EVIDENCE`` in
    sum and by ``AGREED`` times what its own are larger elsewhere; differences up to ``CHANCE``
    count for nothing.

    Returns:
        At least one motion of each frame, the one that fits best first. Frames of several are
        undecided so far.
    """
    owners = motions.owners
    if len(np.unique(owners)) == len(owners):
        return motions
    least = np.array([motions.spreads[owners == owner].min() for owner in owners])
    sums = level.sums(frames, replace(motions, spreads=least))
    asked = sums.shares > SHOWN * level.points.real.mean(1)
    misfits = np.where(asked, 1.0 - sums.fits / np.maximum(sums.shares, 1e-9), 0.0)
    costs = misfits.sum(1) / np.maximum(asked.sum(1), 1)
    costs[~asked.any(1)] = np.inf
    places = _corners(level, motions)
    kept: list[np.intp] = []
    for owner in dict.fromkeys(owners.tolist()):
        rows = np.flatnonzero(owners == owner)
        ranked = costs[rows] * np.where(np.arange(len(rows)) == 0, BETTER, 1.0)
        best = rows[ranked.argmin()]
        kept.append(best)
        for row in rows:
            apart = np.linalg.norm(places[row] - places[best], axis=-1).max() > APART_PX
            both = asked[row] & asked[best]
            if row != best and apart and not _beats(misfits[row][both] - misfits[best][both]):
                kept.append(row)
    return motions.rows(np.array(kept))


def _beats(gained: np.ndarray) -> bool:
    """Whether a motion beats another, by how much larger the misfits of that one are."""
    evidence = float(gained[gained > CHANCE].sum())
    against = -float(gained[gained < -CHANCE].sum())
    return evidence >= EVIDENCE and evidence >= AGREED * against


def _corners(level: LevelAlign, motions: Motions) -> np.ndarray:
    """Where the corners of the level lie on the frames, [N, 4, 2]."""
    points = level.points
    half = np.array([points.width, points.height]) / 2
    corners = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * half
    raised = np.concatenate((corners, np.ones((4, 1))), 1) @ motions.matrices.swapaxes(1, 2)
    places: np.ndarray = raised[..., :2] / raised[..., 2:]
    return places
