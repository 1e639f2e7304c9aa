"""Blocks in which the near image does not show what the far reference shows."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.filters import gaussian_blur

BLOCK_PX = 8
"""Side of a block, in far pixels."""
SOFT_PX = 1.0
"""Standard deviation of the blur under which both are compared: noise counts less than content."""
MISALIGNMENT_PX, MAX_MISALIGNMENT_PX = 0.35, 1.0
"""Displacement by which detail may seem to differ, and by which it may at most where that is usual
in a pair: aliasing, what one camera sharpens, what is left of parallax."""
TOLERANCE = 3.0
"""Standard deviations of expected difference from which on a block is a ghost."""
MIN_STD = 1.5 / 255
"""Difference that rounding and local shades may always make."""


def ghost_blocks(near: Tensor, far: Tensor, residual_std: float) -> Tensor:
    """Find the blocks that do not align.

    With both blurred by 1 px and r their difference, averaged over colors, a block is a ghost if

        mean r² > τ²·(σ² + d²·mean |∇F|²/2),

    means over the block and half a block around it, σ the difference that is usual in this pair
    where there is little detail. The displacement d that detail may show is 0.35 px, or what is
    usual in the half of the blocks with more detail, up to 1 px: lenses and cameras render detail
    differently, and a mask over all of it would leave nothing to learn.

    Args:
        near: float32 [3, H, W] in [0, 1], the near image on the far grid, as blurred as the far
            reference and of its colors.
        far: float32 [3, H, W], the far reference.
        residual_std: σ, robust standard deviation of their difference.

    Returns:
        Bool [⌈H/8⌉, ⌈W/8⌉]: true where the block leaves the loss.
    """
    soft_near, soft_far = (gaussian_blur(image[None], SOFT_PX)[0] for image in (near, far))
    difference = (soft_near - soft_far).square().mean(0)
    difference_energy, slope_energy = (
        _block_means(difference),
        _block_means(_squared_slopes(soft_far)),
    )
    typical = max(residual_std, MIN_STD) ** 2
    detailed = slope_energy >= slope_energy.median()
    misalignment = float(
        (2 * (difference_energy - typical) / slope_energy.clamp_min(1e-12))[detailed].median()
    )
    misalignment = min(max(misalignment, MISALIGNMENT_PX**2), MAX_MISALIGNMENT_PX**2)
    return difference_energy > TOLERANCE**2 * (typical + misalignment * slope_energy / 2)


def typical_difference(near: Tensor, far: Tensor) -> float:
    """Robust standard deviation of the difference of two images where there is little detail.

    Both are blurred as for the blocks; the half of the pixels of the least slope counts.
    """
    soft_near, soft_far = (gaussian_blur(image[None], SOFT_PX)[0] for image in (near, far))
    slopes = _squared_slopes(soft_far)
    flat = slopes <= slopes.median()
    return 1.4826 * float((soft_near - soft_far)[:, flat].abs().median())


def block_mask(ghosts: Tensor, size: tuple[int, int], scale: int) -> Tensor:
    """Pixels of the target, bool [scale·H, scale·W], that lie in no ghost; H × W is the clip."""
    kept = ~ghosts.repeat_interleave(BLOCK_PX * scale, 0).repeat_interleave(BLOCK_PX * scale, 1)
    return kept[: size[0] * scale, : size[1] * scale]


def _squared_slopes(image: Tensor) -> Tensor:
    """|∇F|² by central differences, mean over colors, [H, W]."""
    padded = functional.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    across = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    down = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    return (across.square() + down.square()).mean(0)


def _block_means(values: Tensor) -> Tensor:
    """Means over each block and half a block around it, [⌈H/8⌉, ⌈W/8⌉]."""
    height, width = values.shape
    half = BLOCK_PX // 2
    below, right = -height % BLOCK_PX, -width % BLOCK_PX
    padded = functional.pad(
        values[None, None], (half, half + right, half, half + below), mode="replicate"
    )
    return functional.avg_pool2d(padded, 2 * BLOCK_PX, BLOCK_PX)[0, 0]
