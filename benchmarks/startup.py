"""What a command takes before and beside its work, against ``import torch`` in the same run.

    python benchmarks/startup.py --table docs/measurements/startup.md

Processes take turns and each is fresh. CPU time is that of user and system, of all threads; it
tells of waiting threads too, and other work on the machine disturbs it less than the wall clock.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, write_picture
from pages import head, page_parser, publish, row

WIDTH, HEIGHT = 212, 136
FRAMES = 2
TORCH = ("-c", "import torch")
PROGRAM = "import sys; sys.argv[0] = 'edge-sdk'; from edge_sdk.cli import main; main()"
ZOOM_BAR = 2.0
"""Largest CPU time of a zoom, over that of ``import torch``."""
HELP_BAR_S = 0.3
"""Longest time that a help may take."""


@dataclass(frozen=True)
class Taken:
    """What one process took.

    Attributes:
        cpu_s: seconds of user and system.
        wall_s: seconds by the clock.
    """

    cpu_s: float
    wall_s: float


def main() -> None:
    parser = page_parser(__doc__, "Markdown file to write")
    parser.add_argument("--rounds", type=int, default=7, help="processes of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [*zoom_rows(Path(folder), arguments.rounds), *help_rows(arguments.rounds)]
    text = page(rows, arguments.rounds)
    publish(text, arguments.table, always_print=True)


def zoom_rows(folder: Path, rounds: int) -> list[tuple[str, ...]]:
    """A small zoom, with one thread and with two."""
    frames = saved_frames(folder)
    zoom = command("zoom", *frames, "-o", folder / "zoomed.png")
    without = command("zoom", *frames, "-o", folder / "plain.png", "--model", "none")
    rows = []
    for threads in (1, 2):
        imported, *zoomed = in_turns((TORCH, zoom, without), threads, rounds)
        base = median([each.cpu_s for each in imported])
        names = ("zoom of two frames", "the same without a network")
        for name, taken in zip(names, zoomed, strict=True):
            seconds = median([each.cpu_s for each in taken])
            ratio = seconds / base
            cells = (f"{seconds:.2f} s", f"{base:.2f} s", f"{ratio:.2f}", f"≤ {ZOOM_BAR:.1f}")
            rows.append((name, str(threads), "CPU", *cells, verdict(ratio <= ZOOM_BAR)))
    return rows


def help_rows(rounds: int) -> list[tuple[str, ...]]:
    """The help, by the clock."""
    helps = {"--help": command("--help"), "zoom --help": command("zoom", "--help")}
    imported, *shown = in_turns((TORCH, *helps.values()), 1, rounds)
    base = median([each.wall_s for each in imported])
    rows = []
    for name, taken in zip(helps, shown, strict=True):
        seconds = median([each.wall_s for each in taken])
        held = name == "--help"
        bar = (f"≤ {HELP_BAR_S:.1f} s", verdict(seconds <= HELP_BAR_S)) if held else ("—", "")
        cells = (f"{seconds:.2f} s", f"{base:.2f} s", f"{seconds / base:.2f}")
        rows.append((f"edge-sdk {name}", "1", "wall", *cells, *bar))
    return rows


def in_turns(commands: tuple[tuple[str, ...], ...], threads: int, rounds: int) -> list[list[Taken]]:
    """What each command took in each round; one more round goes first, uncounted."""
    taken: list[list[Taken]] = [[] for _ in commands]
    for turn in range(rounds + 1):
        for arguments, kept in zip(commands, taken, strict=True):
            one = fresh(arguments, threads)
            if turn:
                kept.append(one)
    return taken


def fresh(arguments: tuple[str, ...], threads: int) -> Taken:
    """Run Python in a process of its own, which may keep what it compiles of modules."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begin = time.perf_counter()
    process = subprocess.Popen(
        (sys.executable, *arguments), env=environment, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - begin
    if status:
        raise SystemExit(f"{' '.join(arguments)} ends with status {status}")
    return Taken(used.ru_utime + used.ru_stime, wall_s)


def command(*arguments: str | Path) -> tuple[str, ...]:
    return ("-c", PROGRAM, *map(str, arguments))


def saved_frames(folder: Path) -> list[Path]:
    photo = example_photo("coffee")[:, : 2 * HEIGHT + 40, : 2 * WIDTH + 40]
    burst = simulate_burst(photo.contiguous(), CameraConfig(frames=FRAMES, noise_std=4 / 255))
    paths = [folder / f"{index}.png" for index in range(FRAMES)]
    for path, frame in zip(paths, burst.frames, strict=True):
        cut = frame[:, :HEIGHT, :WIDTH]
        assert cut.shape == (3, HEIGHT, WIDTH)
        write_picture(Picture(cut), path)
    return paths


def median(values: list[float]) -> float:
    return float(statistics.median(values))


def verdict(passed: bool) -> str:
    return "passed" if passed else "MISSED"


def page(rows: list[tuple[str, ...]], rounds: int) -> str:
    columns = ("command", "threads", "time", "taken", "import torch", "ratio", "bar", "")
    lines = [head(*columns), *(row(*cells) for cells in rows)]
    return f"""# What starting costs

Written by `benchmarks/startup.py --table docs/measurements/startup.md`: {FRAMES} simulated frames
of {WIDTH}×{HEIGHT} px by `edge-sdk zoom`, and the help, each in a fresh process beside one that
only imports torch; medians of {rounds} rounds in turns on one computer with {os.cpu_count()}
cores. CPU time is that of user and system, of all threads. The ratios are what carries over.

{chr(10).join(lines)}

A zoom imports torch, so its ratio cannot be less than 1. A shipped network is read merged, with a
certificate whose digests are checked, so that nothing is merged or proved before a zoom.
"""


if __name__ == "__main__":
    main()
