"""Clips: time and memory of enhancing one, planes against colors, and the window zoom.

    EDGE_SDK_DATA=DIR python benchmarks/video.py --table docs/measurements/video.md

The long clip is rendered here. DIR holds video_burst/vid4_calendar, frames with the motion of a
camera, which are reduced bicubically and enlarged again; without it that part is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging import psnr, quantize, read_picture, resize_bicubic, rgb_to_ycbcr
from edge_sdk.models import enhance_picture, enhance_planes
from edge_sdk.video import (
    ClipForm,
    Sampling,
    Y4MWriter,
    enhance_clip,
    frame_to_rgb,
    motions_between,
    open_clip,
    rgb_to_frame,
    temporal_difference,
    zoom_clip,
)
from edge_sdk.zoo.networks import fused_by_name
from pages import head, page_parser, publish, row

WIDTH, HEIGHT, FPS = 640, 360, 25
FINER = 4
"""Pixels of the scene for one of a frame: motion in quarters of a pixel."""
SHAVED_PX = 8
"""Rim that is not compared: a window of frames sees less of it."""


@dataclass(frozen=True)
class Run:
    """One run of the command line."""

    frames: int
    seconds: float
    processor_seconds: float
    peak_mib: float


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[50, 250], help="frames [50 250]")
    parser.add_argument("--window", type=int, default=7, help="frames of the window zoom [7]")
    parser.add_argument(
        "--crop", type=int, nargs=2, default=(448, 384), help="of the calendar [448 384 px]"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [_of_the_command(folder, arguments.lengths), _of_the_routes(folder)]
        data = Path(os.environ.get("EDGE_SDK_DATA", ""), "video_burst", "vid4_calendar")
        if data.is_dir():
            parts.append(_of_the_window(folder, data, arguments.window, arguments.crop))
        else:
            print("vid4_calendar is missing: the window zoom is left out", file=sys.stderr)
    publish("\n".join((_PREFACE, *parts)), arguments.table)


def rendered(count: int) -> Iterator[Tensor]:
    """Frames of a pan over a scene of shapes and stripes, float32 [3, HEIGHT, WIDTH]."""
    generator = torch.Generator().manual_seed(0)
    height, width = FINER * HEIGHT + 200, FINER * WIDTH + 1100
    scene = torch.rand(3, height // 40, width // 40, generator=generator)[None]
    scene = functional.interpolate(scene, (height, width), mode="bilinear")[0]
    for _ in range(400):
        size = torch.randint(12, 160, (2,), generator=generator).tolist()
        top = int(torch.randint(0, height - size[0], (1,), generator=generator))
        left = int(torch.randint(0, width - size[1], (1,), generator=generator))
        area = scene[:, top : top + size[0], left : left + size[1]]
        area[:] = torch.rand(3, 1, 1, generator=generator)
        period = int(torch.randint(5, 30, (1,), generator=generator))
        area[:, :, torch.arange(size[1]) % period < period // 2] *= 0.5
    for index in range(count):
        left, top = 4 * (index % 250), 100 + (index * 7) % 90
        part = scene[:, top : top + FINER * HEIGHT, left : left + FINER * WIDTH]
        yield functional.avg_pool2d(part, FINER)


def write_clip(path: Path, frames: Iterator[Tensor], sampling: Sampling) -> None:
    writer: Y4MWriter | None = None
    with path.open("wb") as file:
        for rgb in frames:
            form = ClipForm(rgb.shape[2], rgb.shape[1], sampling, Fraction(FPS), Fraction(1))
            writer = writer or Y4MWriter(file, form)
            writer.put(rgb_to_frame(rgb, form))


def run_command(*arguments: object) -> tuple[float, float, float]:
    """Seconds, seconds of the processor and peak MiB of the command line in its own process."""
    program = "from edge_sdk.cli import main; main()"
    started, peak_mib = time.perf_counter(), 0.0
    child = subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)])
    # The peak that wait4 gives is that of this process where this was larger at the start.
    status = Path("/proc", str(child.pid), "status")
    while True:
        ended, code, used = os.wait4(child.pid, os.WNOHANG)
        if ended:
            break
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
        peak_mib = max(peak_mib, int(found[1]) / 1024 if found else 0.0)
        time.sleep(0.1)
    child.returncode = os.waitstatus_to_exitcode(code)
    if child.returncode:
        raise SystemExit(child.returncode)
    return time.perf_counter() - started, used.ru_utime + used.ru_stime, peak_mib


def _of_the_command(folder: Path, lengths: Sequence[int]) -> str:
    runs = []
    for count in lengths:
        write_clip(folder / "clip.y4m", rendered(count), Sampling.C420MPEG2)
        out = folder / "larger.y4m"
        runs.append(Run(count, *run_command("enhance", folder / "clip.y4m", "-o", out)))
        print(runs[-1], flush=True)
    titles = ("frames", "seconds", "frames a second", "processor, seconds a frame", "peak memory")
    lines = [head(*titles)]
    for run in runs:
        rate, cost = run.frames / run.seconds, run.processor_seconds / run.frames
        cells = (f"{run.seconds:.0f}", f"{rate:.2f}", f"{cost:.2f}", f"{run.peak_mib:.0f} MiB")
        lines.append(row(str(run.frames), *cells))
    return "\n".join((_COMMAND, "", *lines, ""))


def _of_the_routes(folder: Path) -> str:
    """The clip's planes against the network on its luma, and against the way through colors."""
    source, out = folder / "short.y4m", folder / "short-larger.y4m"
    write_clip(source, rendered(5), Sampling.C420MPEG2)
    enhance_clip(source, out)
    network = fused_by_name("sr_x2_y")
    by_planes, by_colors = [], []
    with open_clip(source) as given, open_clip(out) as made:
        for before, after in zip(given.frames(), made.frames(), strict=True):
            luma = enhance_planes(before[0][None, None].float() / 255, network)[0, 0].clamp(0, 1)
            by_planes.append(_levels_apart(after[0], luma))
            colors = enhance_picture(frame_to_rgb(before, given.form), network)
            by_colors.append(_levels_apart(after[0], rgb_to_ycbcr(colors)[0]))
    lines = [head("route that the luma is compared with", "greatest difference", "mean")]
    for name, found in (("network on the plane", by_planes), ("through RGB", by_colors)):
        greatest = max(float(each.max()) for each in found)
        mean = sum(float(each.mean()) for each in found) / len(found)
        lines.append(row(name, f"{greatest:.1f} levels", f"{mean:.3f}"))
        print(lines[-1], flush=True)
    return "\n".join((_ROUTES, "", *lines, ""))


def _levels_apart(levels: Tensor, values: Tensor) -> Tensor:
    return (levels.float() - 255 * values).abs()


def _of_the_window(folder: Path, data: Path, window: int, crop: Sequence[int]) -> str:
    paths = sorted(path for path in data.iterdir() if path.suffix in (".png", ".webp"))
    truth = [_middle(read_picture(path).pixels, *crop) for path in paths]
    size = (truth[0].shape[1] // 2, truth[0].shape[2] // 2)
    small = [quantize(resize_bicubic(each, size=size).clamp(0, 1)) for each in truth]
    source = folder / "calendar.y4m"
    write_clip(source, iter(small), Sampling.C444)
    motions = motions_between(map(_luma, truth))
    made: dict[str, Callable[[Path], object]] = {
        "sr_x2_y, frame by frame": lambda path: enhance_clip(source, path, "sr_x2_y"),
        "sr_x2_rgb, frame by frame": lambda path: enhance_clip(source, path, "sr_x2_rgb"),
        "window of 1": lambda path: zoom_clip(source, path, 1),
        f"window of {window}": lambda path: zoom_clip(source, path, window),
    }
    lines = [head("method", "PSNR", "PSNR of luma", "flicker", "seconds a frame")]
    bicubic = [resize_bicubic(each, 2).clamp(0, 1) for each in small]
    lines.append(_row("bicubic", bicubic, truth, motions, None))
    for name, make in made.items():
        started = time.perf_counter()
        make(folder / "out.y4m")
        seconds = (time.perf_counter() - started) / len(truth)
        with open_clip(folder / "out.y4m") as clip:
            frames = [frame_to_rgb(frame, clip.form) for frame in clip.frames()]
        lines.append(_row(name, frames, truth, motions, seconds))
    lines.append(_row("the frames themselves", truth, truth, motions, None))
    return "\n".join((_WINDOW.format(len(truth), *crop), "", *lines, ""))


def _middle(rgb: Tensor, width: int, height: int) -> Tensor:
    top, left = (rgb.shape[1] - height) // 2, (rgb.shape[2] - width) // 2
    return rgb[:, top : top + height, left : left + width]


def _row(
    name: str, frames: list[Tensor], truth: list[Tensor], motions: list, seconds: float | None
) -> str:
    inner = (slice(None), slice(SHAVED_PX, -SHAVED_PX), slice(SHAVED_PX, -SHAVED_PX))
    pairs = [(one[inner], other[inner]) for one, other in zip(frames, truth, strict=True)]
    colors = sum(float(psnr(one, other)) for one, other in pairs) / len(pairs)
    luma = sum(float(psnr(_luma(one), _luma(other))) for one, other in pairs) / len(pairs)
    flicker = temporal_difference(map(_luma, frames), motions)
    line = row(
        name,
        "–" if frames is truth else f"{colors:.2f} dB",
        "–" if frames is truth else f"{luma:.2f} dB",
        f"{flicker.levels:.2f} levels",
        "–" if seconds is None else f"{seconds:.1f}",
    )
    print(line, [f"{float(psnr(*pair)):.2f}" for pair in pairs], flicker, flush=True)
    return line


def _luma(rgb: Tensor) -> Tensor:
    return rgb_to_ycbcr(rgb)[:1]


_PREFACE = """# Clips

Written by `benchmarks/video.py` on two shared processor cores that had other work, PyTorch on one
thread: times say what to expect at worst, the rest does not depend on it. How clips are read and
written is in [the guide](../guide/video.md).
"""
_COMMAND = """## A clip in one command

A rendered pan of 640×360 px, 25 frames a second, by `edge-sdk enhance clip.y4m -o larger.y4m`
(`sr_x2_y`, to 1280×720), program start included. Frames are streamed: memory is that of the
program and a few frames, whatever the length."""
_ROUTES = """## Planes and colors

The luma of five frames of that clip against the network on the plane, before rounding, and against
the way through red, green and blue, which the command does not take: there colors that do not exist
are clipped."""
_WINDOW = """## Window zoom

The {} frames of vid4_calendar, their middle of {}×{} px reduced bicubically to half of that and to
8 bits, as a Y4M of 4:4:4, and enlarged ×2 again. PSNR is the mean over all frames, the ends
included, whose windows are shorter. Flicker is the registered temporal difference in luma: what
consecutive frames differ by where they show the same, with the motions of the original frames for
all; what the originals show of it is their own noise, parallax and interpolation."""


if __name__ == "__main__":
    main()
