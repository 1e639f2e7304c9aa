"""Where the far shot shows what the near shot shows: features and a robust homography."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import SceneError

MAX_PIXELS = 1_500_000
"""Larger pictures are reduced for the search: the refinement sees them whole."""
MAX_FEATURES = 6000
MIN_CONTRAST = 0.02
"""Half of the usual threshold: dim scenes have few strong features, and a robust fit follows."""
LOWE_RATIO = 0.8
"""Distance of the best over the second-best feature from which on a match counts as chance."""
INLIER_PX = 3.0
STRETCH = (1, 99)
"""Percentiles of luma that become black and white: exposure changes the number of features."""
SEED = 0


@dataclass(frozen=True, eq=False)
class Match:
    """A homography found by features.

    Attributes:
        matrix: float64 [3, 3], far to near, centered pixel coordinates of each.
        matches: features that were matched.
        inliers: those of them that agree on the homography.
    """

    matrix: Tensor
    matches: int
    inliers: int


def match_pictures(far: Tensor, near: Tensor, min_inliers: int) -> Match:
    """Find the homography from a far to a near shot, whatever the zoom ratio.

    Features are SIFT (Lowe 2004), matched where both find each other; the homography is that of
    MAGSAC++ (Barath et al. 2020) in OpenCV's USAC, with a fixed seed.

    Args:
        far: float32 [1, H, W] in [0, 1], luma.
        near: float32 [1, h, w], luma.
        min_inliers: fewest matches that must agree.

    Raises:
        SceneError: if too few features match, or agree.
    """
    import cv2

    cv2.setRNGSeed(SEED)
    (there, described), (here, describing) = _features(far), _features(near)
    pairs = _matched(described, describing)
    if len(pairs) < min_inliers:
        raise SceneError(
            f"no match: {len(pairs)} features of the near shot are found in the far one, "
            f"{min_inliers} are needed"
        )
    points, places = there[pairs[:, 0]], here[pairs[:, 1]]
    found, kept = cv2.findHomography(
        points, places, cv2.USAC_MAGSAC, INLIER_PX, maxIters=20_000, confidence=0.9999
    )
    inliers = 0 if found is None else int(kept.sum())
    if inliers < min_inliers:
        raise SceneError(
            f"weak match: {inliers} of {len(pairs)} matched features agree on where the near shot "
            f"lies, {min_inliers} are needed"
        )
    return Match(torch.from_numpy(found / found[2, 2]), len(pairs), inliers)


def _features(luma: Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Places of features, float64 [K, 2] centered in pixels of the picture, and descriptors."""
    import cv2

    height, width = luma.shape[-2:]
    steps = max(1, math.ceil(math.sqrt(height * width / MAX_PIXELS)))
    small = functional.avg_pool2d(luma[None], steps)[0, 0].numpy() if steps > 1 else luma[0].numpy()
    low, high = np.percentile(small, STRETCH)
    levels = np.clip((small - low) / max(high - low, 1e-3) * 255, 0, 255).astype(np.uint8)
    finder = cv2.SIFT.create(nfeatures=MAX_FEATURES, contrastThreshold=MIN_CONTRAST)
    points, described = finder.detectAndCompute(levels, None)
    places = np.array([point.pt for point in points], np.float64).reshape(-1, 2)
    whole = (places + 0.5) * steps - 0.5
    centered = whole - [(width - 1) / 2, (height - 1) / 2]
    if described is None:
        described = np.zeros((0, 128), np.float32)
    return centered, described


def _matched(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Pairs of features, int [K, 2], that are each other's best and clearly so."""
    import cv2

    if min(len(first), len(second)) < 2:
        return np.zeros((0, 2), np.int64)
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    back = {entry.queryIdx: entry.trainIdx for entry in matcher.match(second, first)}
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, other in matcher.knnMatch(first, second, k=2)
        if best.distance < LOWE_RATIO * other.distance and back[best.trainIdx] == best.queryIdx
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)
