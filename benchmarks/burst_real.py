"""Burst zoom on real bursts: noise in flat places, width of edges, what becomes of parallax.

    EDGE_SDK_DATA=DIR python benchmarks/burst_real.py --table docs/measurements/burst-real.md

DIR holds burst_real/; data by default. Prints a Markdown page, or writes it. There is no
truth: figures compare the result with its own frames.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst import TensorSource, ZoomConfig, ZoomResult, zoom
from edge_sdk.errors import EdgeSdkError
from edge_sdk.imaging import quantize, read_picture, rgb_to_ycbcr
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration import register
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.sampling import sample_bicubic
from pages import head, page_parser, publish, row
from photographs import data_folder
from real.wall import HEIGHT, LEFT, TOP, WIDTH, wall

NIGHT, NEAR = "redmi_night_a", "maitek_stilllife"
SCALE = 2
TILE_PX = 16
FLAT_TILES = 100
EDGES = 100
APART_PX = 16
REACH_PX = 6.0
STEP_PX = 0.05
MIN_RISE = 20 / 255
SHARED = 0.6
"""The bar: noise at most 1/√(0.6·N) of one frame's."""


def main() -> None:
    parser = page_parser(__doc__)
    arguments = parser.parse_args()
    folder = data_folder() / "burst_real"
    if not folder.is_dir():
        raise SystemExit(f"{folder}: no real bursts; set EDGE_SDK_DATA to a folder with them")
    frames = loaded(folder / NIGHT)
    text = "\n".join(
        [HEAD, *night(frames), WALL_HEAD, *wall(frames), *near(loaded(folder / NEAR)), READING]
    )
    publish(text, arguments.table)


def loaded(folder: Path) -> Tensor:
    return torch.stack([read_picture(path).pixels for path in sorted(folder.glob("*.jpg"))])


def night(frames: Tensor) -> list[str]:
    """Noise and edges for some numbers of frames."""
    noise = ("noise, one frame", "noise, result", "ratio", "bar 1/√(0.6·N)")
    edge = ("edge, sharpest frame", "edge, result")
    lines = [head("frames", "used", "mean share", "lens", *noise, *edge)]
    half, others = frames[::2], frames[1::2]
    for burst, judge in ((half[:5], others), (half, others), (frames, frames)):
        count = len(burst)
        result = zoom(burst, config=ZoomConfig(scale=SCALE))
        single, merged = noises(burst, result)
        sharpest, ours = edge_widths(burst, judge, result)
        share = sum(frame.share for frame in result.frames) / count
        bar = 1 / math.sqrt(SHARED * result.used)
        lines.append(
            row(
                *(str(count), str(result.used), f"{share:.2f}", f"{result.lens.std_px:.2f} px"),
                *(f"{255 * single:.2f}", f"{255 * merged:.2f}", f"{merged / single:.2f}"),
                *(f"{bar:.2f}", f"{sharpest:.2f} px", f"{ours:.2f} px"),
            )
        )
    return lines


def noises(frames: Tensor, result: ZoomResult) -> tuple[float, float]:
    """Noise of a frame and of the result in the flattest tiles, on values in [0, 1].

    Both are measured in the same way: the tile's luma of full swing less a plane that fits it
    best, its standard deviation; the median over tiles. The frame is the reference.
    """
    reference, fine = luma(frames[result.reference]), luma(quantize(result.pixels))
    smooth = gaussian_blur(reference[None, None], 2.0)[0, 0]
    tiles = tiled(smooth, TILE_PX)
    level = tiles.mean((-2, -1))
    spread = flattened(tiles).std((-2, -1))
    spread[(level < 20 / 255) | (level > 235 / 255)] = math.inf
    rough = tiled(reference, TILE_PX).std((-2, -1))
    spread[rough == 0] = math.inf
    chosen = spread.flatten().argsort()[:FLAT_TILES]
    found = []
    for picture, side in ((reference, TILE_PX), (fine, TILE_PX * SCALE)):
        noise = flattened(tiled(picture, side)).std((-2, -1)).flatten()[chosen]
        found.append(float(noise.median()))
    return found[0], found[1]


def tiled(picture: Tensor, side: int) -> Tensor:
    """Cut [H, W] into [R, C, side, side]; what is left over is dropped."""
    return picture.unfold(0, side, side).unfold(1, side, side).clone()


def flattened(tiles: Tensor) -> Tensor:
    """Take from each tile the plane that fits it best."""
    axis = torch.arange(float(tiles.shape[-1]))
    axis = axis - axis.mean()
    power = axis.square().sum() * len(axis)
    tiles = tiles - tiles.mean((-2, -1), keepdim=True)
    across = (tiles * axis).sum((-2, -1), keepdim=True) / power
    down = (tiles * axis[:, None]).sum((-2, -1), keepdim=True) / power
    return tiles - across * axis - down * axis[:, None]


def edge_widths(frames: Tensor, judge: Tensor, result: ZoomResult) -> tuple[float, float]:
    """Median 10–90 % width of the same edges, in pixels of a frame: sharpest frame, and result.

    The edges are chosen on the mean of ``judge``, frames of the same scene. In one of the frames
    that are compared its noise would choose: where it happens to be steep.
    """
    reference = luma(frames[result.reference])
    points, along = edges(aligned_mean(reference, torch.stack([luma(frame) for frame in judge])))
    reach = torch.arange(-REACH_PX, REACH_PX + STEP_PX, STEP_PX, dtype=torch.float64)
    places = points[:, None] + reach[:, None] * along[:, None]
    profiles = [sample_bicubic(luma(quantize(result.pixels))[None], (places * SCALE).float())[0]]
    for index, report in enumerate(result.frames):
        there = places if report.field is None else report.field.at(places)
        if index == result.reference or report.field is not None:
            profiles.append(sample_bicubic(luma(frames[index])[None], there.float())[0])
    ours, *singles = (rise_widths(profile) for profile in profiles)
    return min(float(widths.nanmedian()) for widths in singles), float(ours.nanmedian())


def aligned_mean(reference: Tensor, others: Tensor) -> Tensor:
    """Mean of luma [N, H, W] on the pixels of another frame [H, W]."""
    height, width = reference.shape
    places = centered_grid(height, width, like=reference.double())
    found = register(reference[None], others[:, None])
    moved = [
        sample_bicubic(frame[None], entry.field.at(places).float())[0]
        for frame, entry in zip(others, found, strict=True)
        if entry.accepted
    ]
    return torch.stack(moved).mean(0)


def edges(reference: Tensor) -> tuple[Tensor, Tensor]:
    """The steepest places that lie apart: centered (x, y) float64 [K, 2], and their directions."""
    smooth = gaussian_blur(reference[None, None], 1.0)[0, 0]
    slope_y, slope_x = (slope.double() for slope in torch.gradient(smooth))
    steep = torch.hypot(slope_x, slope_y)
    margin = 3 * APART_PX
    steep[:margin], steep[-margin:], steep[:, :margin], steep[:, -margin:] = 0, 0, 0, 0
    most = functional.max_pool2d(steep[None, None], 2 * APART_PX + 1, 1, APART_PX)[0, 0]
    peaks = ((steep == most) & (steep > 0)).nonzero()
    peaks = peaks[steep[peaks[:, 0], peaks[:, 1]].argsort(descending=True)[:EDGES]]
    rows, columns = peaks.unbind(1)
    height, width = reference.shape
    points = torch.stack((columns - (width - 1) / 2, rows - (height - 1) / 2), -1).double()
    along = torch.stack((slope_x[rows, columns], slope_y[rows, columns]), -1)
    return points, along / along.norm(dim=1, keepdim=True)


def rise_widths(profiles: Tensor) -> Tensor:
    """Width between 10 and 90 % of each rise [K, P] in pixels of a frame; NaN where there is none.

    The ends are the least value before the middle and the largest behind it, within 3 px.
    """
    middle, reach = profiles.shape[1] // 2, round(3 / STEP_PX)
    low = profiles[:, middle - reach : middle].amin(1, keepdim=True)
    high = profiles[:, middle : middle + reach].amax(1, keepdim=True)
    share = (profiles - low) / (high - low)
    # From the middle outwards, the first place that is under 10 % and the first over 90 %.
    before = (share[:, :middle].flip(1) <= 0.1).double()
    behind = (share[:, middle:] >= 0.9).double()
    width = (before.argmax(1) + behind.argmax(1)) * STEP_PX
    clear = (before.amax(1) > 0) & (behind.amax(1) > 0) & ((high - low)[:, 0] >= MIN_RISE)
    return torch.where(clear, width, torch.nan)


def near(frames: Tensor) -> list[str]:
    """What becomes of each frame of a burst with parallax."""
    try:
        result = zoom(TensorSource(frames), config=ZoomConfig(scale=SCALE, provenance=True))
    except EdgeSdkError as error:
        return [NEAR_HEAD, f"It ends with an error: {error}"]
    lines = [NEAR_HEAD, head("frame", "shift", "largest offset of a tile", "share", "note")]
    for index, report in enumerate(result.frames):
        field = report.field
        if index == result.reference:
            lines.append(row(str(index), "reference", "", "", ""))
            continue
        origin = torch.zeros(1, 2, dtype=torch.float64)
        shift = "–" if field is None else f"{float(field.at(origin).norm()):.1f} px"
        offsets = None if field is None else field.offsets_px
        largest = "–" if offsets is None else f"{float(offsets.norm(dim=-1).max()):.1f} px"
        lines.append(row(str(index), shift, largest, f"{report.share:.2f}", report.note))
    return lines


def luma(pixels: Tensor) -> Tensor:
    return rgb_to_ycbcr(pixels)[0] * (255 / 219)


HEAD = f"""# Burst zoom on real bursts

Figures of bursts that are not part of the project; their truth is unknown. ×{SCALE}, without a
network, all settings by default. `EDGE_SDK_DATA=DIR python benchmarks/burst_real.py --table
docs/measurements/burst-real.md` makes this page again.

## A night burst, hand-held: `{NIGHT}`

1280×960 px, JPEG of a phone. **Noise**: of the {FLAT_TILES} flattest {TILE_PX}×{TILE_PX} tiles of
the reference (by its luma, blurred by 2 px; tiles darker than 20 or lighter than 235 are left out)
the standard deviation of luma about the plane that fits the tile best, in levels of 255; median
over tiles; the same places in the result, at its own pixels. **Edge**: the width from 10 to 90 %
along the gradient, in pixels of a frame, at {EDGES} places that lie {APART_PX} px apart; median;
each frame is read along its own motion by cubic convolution, and the least median of all frames
stands for the sharpest. The burst are the frames of even number; the places are the steepest of the
mean of the others, aligned: on a frame of the burst its noise would choose places where it happens
to be steep. With all 20 frames their own mean chooses.
"""
WALL_HEAD = f"""
All 20 frames: standard deviations in levels of 255, of the colors in a strip of dark wall
({WIDTH}×{HEIGHT} px at {LEFT}, {TOP}) and of Cb and Cr in a ring of 6 px around clipped windows,
beside the mean of the same frames, each read along its motion.
"""
NEAR_HEAD = f"""
## A still life from near: `{NEAR}`

1080×720 px, between whose frames things move by 20 to 40 px against each other.
"""
READING = """
## Reading the tables

Noise of a phone's JPEG is smooth: it was denoised before, and the blocks of JPEG hide it. N counts
the frames that were used, but each adds only where it agrees with the reference, which the mean
share tells. A share near 0 says that a frame's pixels were held back as ghosts. Neither figure is
of fidelity: a result could be smooth, or steep, and wrong. Where the lens is estimated softer,
edges become steeper and noise rises: one is had for the other.
"""

if __name__ == "__main__":
    main()
