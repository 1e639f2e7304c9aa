"""What any enlargement of a burst must beat: one frame interpolated, and the aligned average."""

from __future__ import annotations

from torch import Tensor

from edge_sdk.data.camera.simulation import SimulatedBurst
from edge_sdk.errors import InputError
from edge_sdk.registration.motion import centered_grid, transform
from edge_sdk.registration.sampling import sample_bicubic


def bicubic(burst: SimulatedBurst, reference: int) -> Tensor:
    """Enlarge one frame alone by cubic convolution (Keys 1981, a = −0.5).

    Args:
        burst: the burst; its camera gives the scale.
        reference: 0-based frame to enlarge.

    Returns:
        Float32 [3, scale·H, scale·W] in [0, 1], sRGB, on the grid of ``burst.truth(reference)``.

    Raises:
        InputError: if ``reference`` is not the index of a frame.
    """
    _check(burst, reference)
    return _resampled(burst, reference, reference)[0].clamp(0, 1)


def average_aligned(burst: SimulatedBurst, reference: int) -> Tensor:
    """Average all frames, each resampled by its true motion: alignment without any error.

        x̂(p) = (1/n(p)) Σ_i y_i(M_i p),    n(p) the number of frames that show p,

    with y_i interpolated by cubic convolution (Keys 1981, a = −0.5), M_i the true motion from the
    reference to frame i, and p on the grid ``scale`` times finer than the reference's.

    Args:
        burst: the burst; its camera gives the scale.
        reference: 0-based frame on whose grid the average lies.

    Returns:
        Float32 [3, scale·H, scale·W] in [0, 1], sRGB, on the grid of ``burst.truth(reference)``.

    Raises:
        InputError: if ``reference`` is not the index of a frame.
    """
    _check(burst, reference)
    total, shown = _resampled(burst, reference, reference)
    for index in range(burst.frames.shape[0]):
        if index != reference:
            values, inside = _resampled(burst, reference, index)
            total += values * inside
            shown += inside
    return (total / shown).clamp(0, 1)


def _resampled(burst: SimulatedBurst, reference: int, index: int) -> tuple[Tensor, Tensor]:
    """Frame ``index`` on the reference's finer grid, and 1 where it shows the point, else 0."""
    height, width = burst.frames.shape[-2:]
    scale = burst.config.scale
    matrix = burst.relative_motion(reference, index)
    grid = centered_grid(height * scale, width * scale, step=1 / scale, like=matrix)
    points = transform(matrix, grid.reshape(-1, 2)).reshape(grid.shape)
    limit = points.new_tensor([width / 2, height / 2])
    inside = (points.abs() <= limit).all(-1)
    return sample_bicubic(burst.frames[index], points.float()), inside.float()


def _check(burst: SimulatedBurst, reference: int) -> None:
    count = burst.frames.shape[0]
    if not 0 <= reference < count:
        raise InputError(
            f"reference {reference} is not one of the {count} frames; choose 0 to {count - 1}"
        )
