"""A dark wall and bright windows of a night burst, by color, beside the mean of its frames."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst import ZoomConfig, ZoomResult, zoom
from edge_sdk.imaging import quantize, rgb_to_ycbcr
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.sampling import sample_bicubic
from edge_sdk.zoo.networks import burst_network
from pages import head, row

SCALE = 2
LEFT, TOP, WIDTH, HEIGHT = 626, 392, 100, 222
"""A strip of wall in the dark, in pixels of a frame."""
CLIPPED = 250 / 255
RING_PX = 6


def wall(frames: Tensor) -> list[str]:
    """Rows by method: standard deviation of R, G, B on the wall, and of chroma around windows."""
    made = zoom(frames, burst_network("burst_zoom_x2", SCALE))
    index = made.reference
    without = zoom(frames, None, ZoomConfig(reference=index))
    ring = around_clipped(frames[index])
    lines = [head("", "wall, R", "G", "B", "around windows, Cb", "Cr")]
    for name, picture in (
        ("aligned mean", aligned_mean(frames, made)),
        ("without a network", without.pixels),
        ("as `zoom` makes it", made.pixels),
    ):
        levels = quantize(picture.clamp(0, 1)) * 255
        rows, columns = (
            slice(SCALE * start, SCALE * (start + length))
            for start, length in ((TOP, HEIGHT), (LEFT, WIDTH))
        )
        dark = levels[:, rows, columns].flatten(1).std(1)
        colors = rgb_to_ycbcr(levels / 255)[1:] * 255
        bright = colors[:, ring].std(1)
        lines.append(row(name, *(f"{value:.2f}" for value in (*dark.tolist(), *bright.tolist()))))
    lens = f"The lens is estimated at {made.lens.std_px:.2f} ± {made.lens.spread_px:.2f} px"
    passed_over = made.network_passed_over
    return [*lines, "", f"{lens}." if passed_over is None else f"{lens}; {passed_over}."]


def aligned_mean(frames: Tensor, result: ZoomResult) -> Tensor:
    """Mean of the frames that were used, each read along its motion by cubic convolution."""
    height, width = frames.shape[-2:]
    like = torch.zeros((), dtype=torch.float64)
    grid = centered_grid(SCALE * height, SCALE * width, step=1 / SCALE, like=like)
    total, count = torch.zeros(3, SCALE * height, SCALE * width), 0
    for frame, report in zip(frames, result.frames, strict=True):
        if not report.note:
            places = grid if report.field is None else report.field.at(grid)
            total += sample_bicubic(frame, places.float()).clamp(0, 1)
            count += 1
    return total / count


def around_clipped(reference: Tensor) -> Tensor:
    """Where the result lies within ``RING_PX`` of clipped pixels of the reference, bool."""
    clipped = (reference.amin(0) > CLIPPED).float()[None, None]
    fine = functional.interpolate(clipped, scale_factor=SCALE, mode="nearest")
    reach = SCALE * RING_PX
    near, far = (functional.max_pool2d(fine, 2 * px + 1, 1, px) for px in (1, reach))
    return (far > near)[0, 0]
