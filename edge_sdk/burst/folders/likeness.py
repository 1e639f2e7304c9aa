"""Whether two pictures show one scene: correlation of small previews, moved by a few pixels."""

from __future__ import annotations

import numpy as np

from edge_sdk.imaging.previews import Luma

REACH_PX = 3
"""Pixels of the preview by which the hand may move, a tenth of the picture."""
FLAT_STD = 0.5 / 255
"""Contrast under which a preview shows nothing: a cap on the lens, a white wall."""
FLAT_ALIKE = 8 / 255
"""Difference of brightness up to which two pictures that show nothing are alike."""


def likeness(first: Luma, second: Luma) -> float:
    """Largest normalized correlation over shifts of up to 3 pixels.

    It does not change with exposure, which is a gain, nor with a veil, which is an offset. Frames
    of real bursts have 0.95 to 1, pictures of different scenes seldom more than 0.5.

    Args:
        first: float32 [h, w].
        second: of the same size.

    Returns:
        −1 to 1.

    Example:
        >>> import numpy as np
        >>> from edge_sdk.burst.folders.likeness import likeness
        >>> scene = np.random.default_rng(0).random((24, 34), np.float32)
        >>> round(likeness(scene[:, :32], 0.5 * scene[:, 2:] + 0.1), 3)
        1.0
    """
    flat = [float(each.std()) < FLAT_STD for each in (first, second)]
    if any(flat):
        alike = all(flat) and abs(float(first.mean() - second.mean())) < FLAT_ALIKE
        return float(alike)
    height, width = first.shape
    best = -1.0
    for down in range(-REACH_PX, REACH_PX + 1):
        for right in range(-REACH_PX, REACH_PX + 1):
            a = first[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
            b = second[
                max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
            ]
            a, b = a - a.mean(), b - b.mean()
            energy = float(np.sqrt(np.vdot(a, a) * np.vdot(b, b)))
            if energy > 0:
                best = max(best, float(np.vdot(a, b)) / energy)
    return best
