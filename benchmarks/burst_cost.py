"""Time and memory of burst zoom, beside findTransformECC, warpAffine, mean and bicubic resize.

    python benchmarks/burst_cost.py --table docs/measurements/burst-cost.md

Every figure is of a fresh process. Prints a Markdown page, or writes it and its drawing. The
largest run needs minutes and about 1 GB of temporary files.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from pages import head, page_parser, publish, row

SIZE = (1280, 960)
FRAMES = 10
TURNS = 5
SIZES = ((640, 480), (906, 680), (1280, 960), (1810, 1358))
COUNTS = (2, 5, 10, 20)
LARGE = (4000, 3000)
CROP = "1600,1200,894,671"
"""A twentieth of it."""
NETWORK = "burst_zoom_x2"
OURS = {
    "ours": ("none", "best"),
    "network": (NETWORK, "best"),
    "fast": ("none", "fast"),
    "fast network": (NETWORK, "fast"),
}
"""Network and quality by method."""
METHODS = (*OURS, "theirs")
ECC = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-3)
"""OpenCV's own defaults; with them ECC is as exact here as with 10⁻⁶."""


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--turn", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.turn:
        method, frames, threads, count = arguments.turn
        print(json.dumps(turn(method, Path(frames), int(threads), int(count))))
        return
    with tempfile.TemporaryDirectory() as folder:
        text, drawing = page(Path(folder))
    publish(text, arguments.table)
    if arguments.table:
        arguments.table.with_suffix(".svg").write_text(drawing, encoding="utf-8")


def page(folder: Path) -> tuple[str, str]:
    titles = ("edge-sdk", "ECC, warp, mean, bicubic", "ratio", "ratio of CPU time")
    lines = [HEAD, head("threads", "network", "quality", *titles)]
    frames = saved(folder, SIZE, FRAMES)
    for threads in dict.fromkeys((1, os.cpu_count() or 1)):
        runs: dict[str, list[dict[str, Any]]] = {method: [] for method in METHODS}
        for _ in range(TURNS):
            for method, taken in runs.items():
                taken.append(fresh(method, frames, threads, FRAMES))
        wall, cpu = (
            {name: statistics.median(run[kind] for run in taken) for name, taken in runs.items()}
            for kind in ("wall", "cpu")
        )
        for method, names in OURS.items():
            ratio = wall[method] / wall["theirs"]
            cells = (f"{wall[method]:.2f} s", f"{wall['theirs']:.2f} s", f"{ratio:.2f}")
            share = f"{cpu[method] / cpu['theirs']:.2f}"
            lines.append(row(str(threads), *names, *cells, share))
    lines += ["", *quality_table(), ""]
    for method, name in (("ours", "without a network"), ("network", f"with {NETWORK}")):
        parts = ", ".join(f"{k} {v:.2f} s" for k, v in runs[method][0]["stages"].items())
        lines.append(f"Of ours, {name}, by stage: {parts}.")
    by_size = [(w * h / 1e6, cpu_of(saved(folder, (w, h), FRAMES), FRAMES)) for w, h in SIZES]
    many = saved(folder, SIZES[0], COUNTS[-1])
    by_count = [(float(count), cpu_of(many, count)) for count in COUNTS]
    lines += [GROWTH, *growth("megapixels", by_size), "", *growth("frames", by_count)]
    files = large_files(folder)
    whole, part = command(files, folder), command(files, folder, "--crop", CROP)
    shares = part["seconds"] / whole["seconds"], part["peak"] / whole["peak"]
    lines += [LARGE_PAGE.format(whole=whole, part=part, shares=shares)]
    panels = (("megapixels, 10 frames", by_size), ("frames of 0.31 megapixels", by_count))
    return "\n".join(lines), drawn(panels)


def quality_table() -> Iterator[str]:
    """What a fast zoom gives, of simulated bursts whose truth is known."""
    from edge_sdk.burst import Quality, ZoomConfig, zoom
    from edge_sdk.data.probes.examples import PHOTOS
    from edge_sdk.imaging import psnr, quantize
    from edge_sdk.zoo.networks import burst_network

    yield head("frames", "network", *Quality, "fast costs")
    for count in (FRAMES, 2 * FRAMES):
        for name in ("none", NETWORK):
            network = None if name == "none" else burst_network(NETWORK, 2)
            found: dict[Quality, list[float]] = {quality: [] for quality in Quality}
            for seed, photo in enumerate(PHOTOS):
                burst = simulate_burst(example_photo(photo), CameraConfig(frames=count, seed=seed))
                for quality, values in found.items():
                    result = zoom(burst.frames, network, ZoomConfig(quality=quality))
                    truth = quantize(burst.truth(result.reference))
                    values.append(psnr(quantize(result.pixels), truth))
            means = [statistics.mean(values) for values in found.values()]
            cells = (*(f"{mean:.2f} dB" for mean in means), f"{means[0] - means[1]:.2f} dB")
            yield row(str(count), name, *cells)


def growth(name: str, points: list[tuple[float, float]]) -> list[str]:
    return [
        head(name, *(f"{place:.3g}" for place, _ in points)),
        row("CPU time", *(f"{seconds:.2f} s" for _, seconds in points)),
        row("per unit", *(f"{seconds / place:.2f} s" for place, seconds in points)),
    ]


def cpu_of(frames: Path, count: int) -> float:
    return float(statistics.median(fresh("network", frames, 1, count)["cpu"] for _ in range(3)))


def scene(width: int, height: int) -> Tensor:
    """A photograph, mirrored until it is large enough."""
    photo = example_photo("coffee")
    block = torch.cat((photo, photo.flip(-1)), -1)
    block = torch.cat((block, block.flip(-2)), -2)
    times = (-(-height // block.shape[-2]), -(-width // block.shape[-1]))
    return block.repeat(1, *times)[:, :height, :width]


def saved(folder: Path, size: tuple[int, int], count: int) -> Path:
    width, height = size
    place = folder / f"{width}_{count}.npy"
    if not place.exists():
        burst = simulate_burst(
            scene(2 * width + 80, 2 * height + 80), CameraConfig(frames=count)
        ).frames
        np.save(place, (burst[..., :height, :width] * 255).round().byte().numpy())
    return place


def fresh(method: str, frames: Path, threads: int, count: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--turn", method, str(frames), str(threads), str(count)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def turn(method: str, place: Path, threads: int, count: int) -> dict[str, object]:
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    frames = np.load(place)[:count]
    from edge_sdk.burst import Quality, ZoomConfig, zoom
    from edge_sdk.zoo.networks import burst_network

    name, quality = OURS.get(method, ("none", "best"))
    network = burst_network(NETWORK, 2) if name == NETWORK else None
    cpu, wall = time.process_time(), time.perf_counter()
    stages: dict[str, float] = {}
    if method in OURS:
        pictures = torch.from_numpy(frames).float().div_(255)
        stages = zoom(pictures, network, ZoomConfig(quality=Quality(quality))).seconds
    else:
        ecc_average(frames.transpose(0, 2, 3, 1))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall, "cpu": cpu, "stages": stages}


def ecc_average(frames: np.ndarray) -> np.ndarray:
    """Align by findTransformECC, warp, average, enlarge: uint8 [N, H, W, 3]."""
    _, height, width, _ = frames.shape
    gray = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
    total = frames[0].astype(np.float32)
    for frame, here in zip(frames[1:], gray[1:], strict=True):
        start = np.eye(2, 3, dtype=np.float32)
        _, matrix = cv2.findTransformECC(gray[0], here, start, cv2.MOTION_EUCLIDEAN, ECC, None, 5)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        total += cv2.warpAffine(frame.astype(np.float32), matrix, (width, height), flags=flags)
    average = total / len(frames)
    return cv2.resize(average, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


def large_files(folder: Path) -> list[str]:
    """JPEG files of 12 megapixels."""
    width, height = LARGE
    picture = (scene(width + 40, height + 40) * 255).byte().permute(1, 2, 0).numpy()[..., ::-1]
    generator = np.random.default_rng(0)
    names = []
    for index in range(FRAMES):
        top, left = generator.integers(0, 40, 2)
        frame = picture[top : top + height, left : left + width].astype(np.float32)
        frame += generator.normal(0, 6, frame.shape).astype(np.float32)
        names.append(str(folder / f"{index}.jpg"))
        cv2.imwrite(names[-1], frame.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return names


def command(files: list[str], folder: Path, *options: str) -> dict[str, float]:
    """Seconds and peak memory in GB of the command on files."""
    call = "import sys; from edge_sdk.cli import main; sys.exit(main())"
    watch = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    zoom = [sys.executable, "-c", call, "zoom", *files, "-o", str(folder / "large.png"), *options]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", watch, *zoom], check=True, capture_output=True, text=True
    )
    return {"seconds": time.perf_counter() - start, "peak": float(done.stdout) * 1024 / 1e9}


def drawn(panels: tuple[tuple[str, list[tuple[float, float]]], ...]) -> str:
    """Two panels of points, each with the line through the origin that fits them best."""
    parts = []
    for place, (name, points) in enumerate(panels):
        left, base, wide, high = 60 + place * 360, 240, 270, 200
        most_x, most_y = 1.1 * points[-1][0], 1.2 * max(y for _, y in points)
        slope = sum(x * y for x, y in points) / sum(x * x for x, _ in points)
        end_x, end_y = left + wide, base - high * min(slope * most_x / most_y, 1)
        parts.append(f'<path class="axis" d="M{left} {base - high}V{base}h{wide}"/>')
        parts.append(f'<path class="fit" d="M{left} {base}L{end_x} {end_y:.1f}"/>')
        for x, y in points:
            cx, cy = left + wide * x / most_x, base - high * y / most_y
            parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="4"/>')
            parts.append(f'<text x="{cx:.1f}" y="{base + 18}">{x:.3g}</text>')
            parts.append(f'<text x="{cx:.1f}" y="{cy - 10:.1f}">{y:.1f} s</text>')
        parts.append(f'<text x="{left + wide / 2}" y="{base + 40}">{name}</text>')
    return f"{DRAWING}{''.join(parts)}</svg>\n"


DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 300" font-family="sans-serif" '
    'font-size="12" text-anchor="middle"><title>CPU time of burst zoom by pixels and by frames'
    "</title><style>.axis{fill:none;stroke:#777}.fit{stroke:#999;stroke-dasharray:4 4}"
    'circle{fill:#0072b2}text{fill:#555}</style><rect width="720" height="300" fill="#fff"/>'
)
HEAD = f"""# What burst zoom costs

{FRAMES} frames of {SIZE[0]}×{SIZE[1]} px in memory, 8 bits, become one picture of twice the width
and height, without a network. Beside it stands the plain way in OpenCV: findTransformECC
(Euclidean, 50 iterations, ε = 10⁻³, filter 5), warpAffine (bilinear, float32), the mean, bicubic
resize. It chooses no reference, estimates no noise, has no ghost test and gives less
([burst-gain.md](burst-gain.md)). Both take turns, each in a fresh process, {TURNS} turns; medians.
Libraries are loaded before the clock starts. `python benchmarks/burst_cost.py --table
docs/measurements/burst-cost.md` makes this page again.

## Time
"""
GROWTH = """
## Growth

One thread, medians of three.

![CPU time by pixels and by frames](burst-cost.svg)
"""
LARGE_PAGE = """
## Ten files of 12 megapixels

`edge-sdk zoom` on JPEG files of 4000×3000 px, reading and writing included; peak resident set of
the process.

|  | time | memory |
|---|---|---|
| all of them | {whole[seconds]:.0f} s | {whole[peak]:.2f} GB |
| a twentieth of the picture, `--crop` | {part[seconds]:.1f} s | {part[peak]:.2f} GB |
| share | {shares[0]:.0%} | {shares[1]:.0%} |

Frames wait in a temporary file; in memory are one frame while it is read or aligned, the rows that
a row of tiles needs, and the result. Of a crop, a window around it is aligned, 128 px wider on each
side; whole frames are where one cannot be found in it.
"""

if __name__ == "__main__":
    main()
