"""Times of both versions, which take turns."""

from __future__ import annotations

import statistics
import tempfile
from itertools import product
from pathlib import Path

from commits.version import Version
from pages import row

CALL = "from edge_sdk.cli import main; main()"
HELP: tuple[str, list[str]] = (CALL, ["--help"])


def timed(versions: tuple[Version, Version], frames: Path, rounds: int) -> list[str]:
    """Rows of the table of times; the versions take turns."""
    zoom = ["zoom", *(str(frames / f"0{index}.png") for index in (0, 1))]
    programs = {"import torch": ("import torch", []), "zoom": (CALL, zoom), "--help": HELP}
    taken: dict[tuple[str, int], tuple[list[float], list[float]]]
    taken = {key: ([], []) for key in product(programs, (1, 2))}
    with tempfile.TemporaryDirectory() as folder:
        for turn, (name, count) in product(range(rounds), taken):
            for side in (0, 1) if turn % 2 else (1, 0):
                cpu, wall = versions[side].cost(*programs[name], count, Path(folder))
                taken[name, count][side].append(wall if name == "--help" else cpu)
    rows = []
    for (name, count), sides in taken.items() if rounds else ():
        old, new = map(statistics.median, sides)
        kind = "wall" if name == "--help" else "CPU"
        cells = (f"{old:.2f} s", f"{new:.2f} s", f"{new / old:.3f}")
        rows.append(row(f"`{name}`, {kind}", str(count), *cells))
        if name == "zoom":
            bases = map(statistics.median, taken["import torch", count])
            old, new = (cost / base for cost, base in zip((old, new), bases, strict=True))
            cells = (f"{old:.2f}", f"{new:.2f}", f"{new / old:.3f}")
            rows.append(row("over `import torch`", str(count), *cells))
    return rows
