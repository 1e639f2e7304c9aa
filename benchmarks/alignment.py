"""Error and time of alignment on simulated bursts of Kodak24, beside OpenCV's findTransformECC.

    EDGE_SDK_DATA=DIR python benchmarks/alignment.py --table docs/measurements/alignment.md

DIR holds kodak24/; data by default. Prints a Markdown page, or writes it. Errors repeat
on one machine; times are taken in turns, and their ratio is what counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from edge_sdk.data.camera.occluders import NearLayer
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.imaging import read_picture, rgb_to_ycbcr
from edge_sdk.registration import Registration, register, transform
from edge_sdk.registration.motion import centered_grid
from pages import head, page_parser, publish, row
from photographs import kodak_folder, kodak_paths

ECC_ITERATIONS, ECC_EPSILON, ECC_FILTER = 50, 1e-3, 5
"""OpenCV's own defaults."""
FLICKER = 0.1
"""Gain by which frames of a flickering light differ, up and down."""
LOST_PX = 1.0
"""Median error over a frame from which on its alignment counts as failed."""
ROUNDS = 3
Positions = Callable[[Tensor], Tensor]


@dataclass
class Tally:
    """Errors at pixels, and frames that failed."""

    errors: list[Tensor] = field(default_factory=list)
    frames: int = 0
    failed: int = 0
    fields: int = 0

    def add(self, positions: Positions | None, truth: Tensor) -> None:
        self.frames += 1
        if positions is None:
            self.failed += 1
            return
        height, width = truth.shape[:2]
        points = centered_grid(height, width, like=truth)
        inside = truth.abs() <= truth.new_tensor([(width - 1) / 2, (height - 1) / 2])
        known = inside.all(-1)
        error = (positions(points) - truth).norm(dim=-1)[known]
        self.failed += bool(error.median() > LOST_PX)
        self.errors.append(error.float())

    def cells(self) -> list[str]:
        error = torch.cat(self.errors).sort().values
        middle, high = error[len(error) // 2], error[int(0.95 * len(error))]
        return [f"{middle:.4f}", f"{high:.4f}", f"{self.failed} of {self.frames}"]


@dataclass
class Comparison:
    """All methods on all bursts of one kind."""

    ours: Tally = field(default_factory=Tally)
    ecc: Tally = field(default_factory=Tally)
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    def time(self, method: str, threads: int, seconds: float) -> None:
        self.seconds.setdefault((method, threads), []).append(seconds)


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=24, help="how many of the 24 (default all)")
    arguments = parser.parse_args()
    pictures = kodak_paths()
    if not pictures:
        folder = kodak_folder()
        print(f"no pictures in {folder}; set EDGE_SDK_DATA to the folder that holds {folder.name}")
        return
    text = page([read_picture(path).pixels for path in pictures[: arguments.pictures]])
    publish(text, arguments.table)


def page(photographs: list[Tensor]) -> str:
    threads = (1, torch.get_num_threads())
    small = compare(photographs, CameraConfig(), threads)
    large = compare(photographs, CameraConfig(max_shift_px=64, max_angle_deg=2), ())
    lines = [HEAD.format(count=len(photographs)), ERRORS, *error_rows(small)]
    lines += ["", TIMES, *time_rows(small, threads), LARGE, ERRORS, *error_rows(large)]
    flicker = compare(photographs, CameraConfig(), (), flicker=FLICKER)
    lines += [FLICKERING, ERRORS, *error_rows(flicker)]
    lines += [VARYING, head("scene", "median", "95 %", "failed", "frames with a field")]
    for name, config in VARYING_CAMERAS.items():
        ours = compare(photographs, config, ()).ours
        lines.append(row(name, *ours.cells(), f"{ours.fields} of {ours.frames}"))
    return "\n".join([*lines, READING])


VARYING_CAMERAS = {
    "rolling shutter, read in half of the frame interval": CameraConfig(path="walk", readout=0.5),
    "rolling shutter, read in all of it": CameraConfig(path="walk", readout=1.0),
    "two layers, the nearer on 30 % moves 1.5 times as far": CameraConfig(near=NearLayer()),
    "two layers, the nearer on 30 % moves 3 times as far": CameraConfig(near=NearLayer(factor=3.0)),
    "both: rolling shutter, and two layers (1.5)": CameraConfig(
        path="walk", readout=0.5, near=NearLayer()
    ),
}


def compare(
    photographs: list[Tensor],
    config: CameraConfig,
    threads: tuple[int, ...],
    flicker: float = 0.0,
) -> Comparison:
    result = Comparison()
    rigid = config.near is None and config.readout == 0
    for seed, photograph in enumerate(photographs):
        burst = simulate_burst(photograph, replaced_seed(config, seed))
        luma = rgb_to_ycbcr(burst.frames)[:, :1] * gains(len(burst.frames), flicker, seed)
        measure(result, burst, luma, rigid)
        for count in dict.fromkeys(threads):
            take_turns(result, luma, count)
    return result


def gains(count: int, flicker: float, seed: int) -> Tensor:
    """Gain of each frame, [N, 1, 1, 1], uniform within 1 ± ``flicker``."""
    drawn = torch.rand(count, generator=torch.Generator().manual_seed(seed))
    return (1 + flicker * (2 * drawn - 1)).view(-1, 1, 1, 1)


def replaced_seed(config: CameraConfig, seed: int) -> CameraConfig:
    return CameraConfig(**{**vars(config), "seed": seed})


def measure(result: Comparison, burst: SimulatedBurst, luma: Tensor, rigid: bool) -> None:
    found = register(luma[0], luma[1:])
    theirs = ecc(luma) if rigid else []
    for index, entry in enumerate(found, start=1):
        truth = burst.true_positions(0, index)
        result.ours.add(positions_of(entry), truth)
        result.ours.fields += entry.field.offsets_px is not None
        if rigid:
            result.ecc.add(theirs[index - 1], truth)


def positions_of(entry: Registration) -> Positions | None:
    return entry.field.at if entry.accepted else None


def ecc(luma: Tensor) -> list[Positions | None]:
    """Positions by findTransformECC, Euclidean; ``None`` where it raises."""
    height, width = luma.shape[-2:]
    reference = luma[0, 0].numpy()
    return [moved_by(ecc_matrix(reference, frame[0].numpy()), height, width) for frame in luma[1:]]


def ecc_matrix(reference: np.ndarray, frame: np.ndarray) -> np.ndarray | None:
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_ITERATIONS, ECC_EPSILON)
    start = np.eye(2, 3, dtype=np.float32)
    try:
        _, matrix = cv2.findTransformECC(
            reference, frame, start, cv2.MOTION_EUCLIDEAN, criteria, None, ECC_FILTER
        )
    except cv2.error:
        return None
    return matrix


def moved_by(matrix: np.ndarray | None, height: int, width: int) -> Positions | None:
    if matrix is None:
        return None
    full = torch.eye(3, dtype=torch.float64)
    full[:2] = torch.from_numpy(matrix.astype(np.float64))
    to_corner = torch.eye(3, dtype=torch.float64)
    to_corner[:2, 2] = torch.tensor([(width - 1) / 2, (height - 1) / 2])
    centered = torch.linalg.inv(to_corner) @ full @ to_corner
    return lambda points: transform(centered, points.reshape(-1, 2)).reshape(points.shape)


def take_turns(result: Comparison, luma: Tensor, threads: int) -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    for _ in range(ROUNDS):
        for name, run in (
            ("ours", lambda: register(luma[0], luma[1:])),
            ("ecc", lambda: ecc(luma)),
        ):
            start = time.perf_counter()
            run()
            result.time(name, threads, time.perf_counter() - start)
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def error_rows(result: Comparison) -> list[str]:
    return [
        row("edge-sdk", *result.ours.cells()),
        row("findTransformECC", *result.ecc.cells()),
    ]


def time_rows(result: Comparison, threads: tuple[int, ...]) -> list[str]:
    lines = []
    for count in dict.fromkeys(threads):
        ours, theirs = (statistics.median(result.seconds[name, count]) for name in ("ours", "ecc"))
        cells = [f"{each * 1e3:.0f} ms" for each in (ours, theirs)]
        lines.append(row(str(count), *cells, f"{ours / theirs:.2f}"))
    return lines


ERRORS = head("method", "median", "95 %", "failed")
TIMES = head("threads", "edge-sdk", "findTransformECC", "ratio")
HEAD = """# How exact alignment is

Bursts of {count} Kodak pictures by the simulated camera of
[burst-zoom.md](../guide/burst-zoom.md), one seed each: ten frames, noise 8/255,
reference first. The error is the distance of estimated and
true position, in pixels of a frame, over all pixels of the nine other frames that the frame shows
(where layers hide each other or mix there is no truth). A frame failed if it was not accepted, if
the method raised, or if its median error is above 1 px; errors are those of frames with a result.
findTransformECC: euclidean, OpenCV's defaults (50 iterations, ε = 10⁻³, Gaussian filter of 5),
from rest, float32 luma.
`python benchmarks/alignment.py --pictures {count} --table docs/measurements/alignment.md` makes
this page again.

## ±4 px, ±0.5°
"""
LARGE = """
Time for nine frames, the preparation of the reference included; medians of turns taken.

## ±64 px, ±2°

The pictures leave frames of 243×110 px for such motion, so that a frame may show less than a third
of the reference.
"""
FLICKERING = """
## ±4 px, ±0.5°, light that flickers

Every frame, the reference too, is brighter or darker by up to 10 %.
"""
VARYING = """
## Motion that varies over the picture

±4 px, ±0.5°. The nearer layer is an ellipse in the middle.
"""
READING = """
## What is estimated, how, and its limits

A frame's motion M is a translation, Euclidean (the default), a similarity or a homography
(`RegistrationConfig.model`), always with gain and offset, so that exposure does not matter. All
arithmetic on pixels is in the stages `smooth`, `halve`, `surround`, `search`, `expand` and
`align`, static graphs that phones run; [driver.md](../reference/driver.md#align) says what a driver
does between them. On the coarsest level of a pyramid local contrast, compressed, so that a lamp or
a passing car counts by its size alone, is correlated at all whole shifts; up to five peaks are
followed by Gauss–Newton with Tukey's weights from level to level, and the motion that most blocks
of the picture fit is taken: a moving object with much texture has its own. The reference is read
between its pixels by cubic polynomials, the frame not at all. Tukey's scale is the median over
blocks of the mean squared residual and, in addition, what 0.14 px make at the pixel's slope:
aliasing must not make outliers of the edges in a flat picture (with 0.12 px or less one frame of a
sky failed at ±64 px, with 0.17 px or more frames begin to follow objects). A block in which half of
the pixels or more do not fit counts for nothing: without that, an object of seven times the texture
of what is behind it draws a motion by 0.2 px. Neither do two pixels along the edges of reference
and frame, where blur has seen pixels that stand in for what lies beyond: with them, scenes known in
closed form are aligned five times as badly. One pixel of each cell of 3×3 or more takes part,
that of the steepest smoothed slope: by the slopes themselves, flat pictures were aligned nearly
twice as badly. A level of more than 4 megapixels is left out.

Then tiles of 32 px or more ask whether they moved otherwise. The pixels are split like a
chessboard; only if both halves agree on 0.06 px or more (root mean square, without the 15 % of the
tiles that are furthest off, which one moving object may hold) does the frame get a
field of offsets, because on a rigid scene the global motion is the more exact one. The field is a
search for whole-pixel offsets (±12 px) on a coarse level and Gauss–Newton on the tiles' offsets
from coarse to fine, under a prior that joins neighbors as long as they do not part clearly. Last,
each quarter of a tile chooses between that offset and the global motion, by the residuals around
it: a tile that an object covers in part would take the background along.

- Confidence of a tile is 1 where at least 80 % of its cells fit the reference, within the noise,
  and 0 from half of them down: occluded, moved, another scene. A flat tile that matches has 1: any
  motion would do there. `MotionField.support` says how far the tile alone determines its motion; it
  is low in flat and dark tiles too.
- The field blurs the border between two layers over a quarter of a tile, and a nearer layer that
  moves more than 12 px against the background is not found. A layer that covers more than half of
  the picture, or has most of its texture, may take the global motion, and the rest the offsets:
  where the nearer layer moves 3 times as far that is what is left of the error.
- Local contrast is more easily drowned in noise than brightness is: in frames of 110×80 px with
  noise of 32/255 the search loses about twice as many frames as without it, and in exchange
  hardly any in which a fifth is hidden by black or white. Larger frames have coarser levels, which
  noise hardly reaches.
- A scene that repeats fits as well a period further. Where the reference resembles itself within
  48 px, a motion must beat its rivals a period away, which only things tell that the scene shows
  once; where they do not, the frame is left out. On rendered charts, windows and blinds of periods
  of 5 to 40 px (frames of 160×120 px, noise of 4/255) no frame was merged elsewhere, and with one
  thing of 24 px one was left out (120 frames each). What moves by itself can be mistaken for such
  a thing on blinds, along which nothing holds a frame; longer periods are not looked for.
- What repeats and what varies over the picture is judged beside the stages, in plain tensor
  arithmetic on the processor: a driver without that leaves frames of a repeating scene out, and
  leaves what moved otherwise to the ghost test.
- Rotations beyond about 10°, and shifts that leave less than a quarter in common, are not
  searched.
"""

if __name__ == "__main__":
    main()
