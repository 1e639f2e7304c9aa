"""Settings by which far and near shots become training samples, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

from edge_sdk.errors import InputError

SCALES = (1, 2, 3, 4)


@dataclass(frozen=True)
class PairConfig:
    """Settings of :func:`edge_sdk.pairs.build_set`.

    Attributes:
        scale: pixels of the target per pixel of the far reference, in each direction, 1 to 4.
        least_ratio: least measured zoom ratio over ``scale``; below it the near shot has fewer
            pixels than the target needs.
        largest_ratio: largest measured zoom ratio over ``scale``; beyond it the near shot shows
            much finer detail than a network could produce.
        min_inliers: matched features that must agree on one homography.
        min_overlap: share of the near shot that the far reference must show.
        smallest_px: shorter side, in far pixels, of the field of view that both must share.
        min_correlation: correlation of both on the far grid, over what is no ghost.
        max_blur_px: standard deviation, in far pixels, of the blur that one of them may show more
            than the other; a near shot may be blurrier by a quarter of it.
        max_ghosts: share of the shared field of view that may be masked.

    Example:
        >>> from edge_sdk.pairs import PairConfig
        >>> PairConfig(scale=3).largest_ratio
        1.6
    """

    scale: int = 2
    least_ratio: float = 0.8
    largest_ratio: float = 1.6
    min_inliers: int = 12
    min_overlap: float = 0.3
    smallest_px: int = 64
    min_correlation: float = 0.85
    max_blur_px: float = 2.5
    max_ghosts: float = 0.4

    def __post_init__(self) -> None:
        checks = (
            (self.scale in SCALES, f"scale {self.scale} is not one of 1, 2, 3, 4"),
            (
                0 < self.least_ratio <= 1 <= self.largest_ratio,
                f"zoom ratios over the scale must enclose 1, not {self.least_ratio:g} to "
                f"{self.largest_ratio:g}",
            ),
            (self.min_inliers >= 8, f"inliers must be 8 or more, not {self.min_inliers}"),
            (0 < self.min_overlap <= 1, f"overlap must be in (0, 1], not {self.min_overlap:g}"),
            (
                self.smallest_px >= 32,
                f"shared side must be 32 px or more, not {self.smallest_px}",
            ),
            (
                0 <= self.min_correlation < 1,
                f"correlation must be in [0, 1), not {self.min_correlation:g}",
            ),
            (self.max_blur_px > 0, f"largest blur must be above 0 px, not {self.max_blur_px:g}"),
            (0 <= self.max_ghosts < 1, f"ghosts must be in [0, 1), not {self.max_ghosts:g}"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)
