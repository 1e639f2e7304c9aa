"""How many pictures a second are curated, with one process and with two.

    python benchmarks/curation.py --table docs/measurements/curation.md

Pictures are rendered: smooth scenes with noise, as JPEG, every tenth a copy of the one before it,
compressed again. Processes take turns..
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge_sdk.curation import CurationConfig, NearDuplicates, Size, curate
from edge_sdk.curation.config import STANDARD
from edge_sdk.curation.criteria.near_duplicates import first_alike
from pages import head, page_parser, publish, row

WIDTH, HEIGHT = 320, 240
COPY_EVERY = 10
WORKERS = (1, 2)
CONFIG = CurationConfig((Size(200), *STANDARD[1:]))


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=10_000, help="to render (default 10,000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        render(Path(folder), arguments.pictures)
        text = page(Path(folder), arguments.pictures, arguments.rounds)
    publish(text, arguments.table, always_print=True)


def render(folder: Path, count: int) -> None:
    """Write pictures, each by a seed of its own."""
    for place in range(count):
        seed = place - 1 if place % COPY_EVERY == COPY_EVERY - 1 else place
        draws = np.random.default_rng(seed)
        coarse = draws.integers(0, 256, (6, 8, 3)).astype(np.float32)
        scene = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        scene += draws.normal(0, 4, scene.shape).astype(np.float32)
        levels = scene.clip(0, 255).astype(np.uint8)
        quality = 90 if seed == place else 70
        name = str(folder / f"{place:06}.jpg")
        cv2.imwrite(name, levels, [cv2.IMWRITE_JPEG_QUALITY, quality])


def page(folder: Path, count: int, rounds: int) -> str:
    """The page: figures of the whole and of the search for near-duplicates alone."""
    taken: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    for _ in range(rounds):
        for workers in WORKERS:
            taken[workers].append(seconds(lambda n=workers: run(folder, count, n)))
    rows = []
    for workers, times in taken.items():
        median = statistics.median(times)
        cells = (f"{median:.1f} s", f"{min(times):.1f} to {max(times):.1f} s")
        rows.append(row(str(workers), *cells, f"{count / median:,.0f}"))
    hashes = np.random.default_rng(0).integers(0, 2**64, count, np.uint64)
    limit = NearDuplicates().most_bits
    search_s = statistics.median(seconds(lambda: first_alike(hashes, limit)) for _ in range(rounds))
    return "\n".join(
        (
            "# How fast collections are curated",
            "",
            f"{count:,} rendered pictures of {WIDTH}×{HEIGHT} px as JPEG, by `edge-sdk curate` "
            "([what it does](../guide/curation.md)) without a page; start of the processes "
            f"included, median and range of {rounds} runs in turns. "
            "`python benchmarks/curation.py --table docs/measurements/curation.md` makes the page "
            "again.",
            "",
            head("processes", "time", "range", "pictures a second"),
            *rows,
            "",
            f"The search for near-duplicates among {count:,} hashes of which none are alike, the "
            f"most work that there can be, takes {search_s:.2f} s of it.",
        )
    )


def run(folder: Path, count: int, workers: int) -> None:
    """Curate; every copy must be found, and nothing else."""
    result = curate(folder, config=CONFIG, workers=workers)
    found = result.left_out["near-duplicate"]
    assert found == count // COPY_EVERY == count - len(result.kept), result.left_out


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
