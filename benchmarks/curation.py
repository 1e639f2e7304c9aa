"""How many pictures a second are curated: with one process, with two, and as a job of Ray.

    python benchmarks/curation.py --table docs/measurements/curation.md

Pictures are cuts of the photographs that scikit-image ships, each turned, mirrored and brightened
by its seed, with noise, as JPEG; every tenth is a copy of the one before it, smaller and compressed
again. All kinds must write the same list, byte for byte. They take turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_sdk.curation import CurationConfig, CurationResult, NearDuplicates, Size, curate
from edge_sdk.curation.config import STANDARD
from edge_sdk.curation.criteria.near_duplicates import first_alike
from edge_sdk.extras import is_installed
from pages import head, page_parser, publish, row

WIDTH, HEIGHT = 320, 240
LEAST_PX = 200
COPY_EVERY = 10
NOISE_LEVELS = 3
CONFIG = CurationConfig((Size(LEAST_PX), *STANDARD[1:]))


@dataclass(frozen=True)
class Kind:
    """One way to measure."""

    name: str
    workers: int
    ray: str | None = None

    def run(self, folder: Path, output: Path) -> CurationResult:
        return curate(folder, output, CONFIG, workers=self.workers, ray=self.ray)


KINDS = (Kind("1 process", 1), Kind("2 processes", 2), Kind("Ray, 2 processes", 2, "local"))


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=10_000, help="to make (default 10,000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        render(Path(folder) / "pictures", arguments.pictures)
        text = page(Path(folder), arguments.pictures, arguments.rounds)
    publish(text, arguments.table, always_print=True)


def render(folder: Path, count: int) -> None:
    """Write pictures, each by a seed of its own."""
    # Here, since processes that measure import this file, and would import PyTorch with it.
    from edge_sdk.data.probes.examples import PHOTOS, example_photo

    folder.mkdir()
    photos = [(example_photo(name) * 255).byte().permute(1, 2, 0).numpy() for name in PHOTOS]
    for place in range(count):
        copies = place % COPY_EVERY == COPY_EVERY - 1
        draws = np.random.default_rng(place - copies)
        scene = cut(photos[draws.integers(len(photos))], draws)
        if copies:
            scene = cv2.resize(scene, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)
        quality = [cv2.IMWRITE_JPEG_QUALITY, 70 if copies else 90]
        cv2.imwrite(str(folder / f"{place:06}.jpg"), scene[..., ::-1], quality)


def cut(photo: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """A part of a photograph, uint8 [240, 320, 3]."""
    photo = np.rot90(photo, draws.integers(4))
    photo = photo[:, ::-1] if draws.random() < 0.5 else photo
    most = min(photo.shape[0] / HEIGHT, photo.shape[1] / WIDTH)
    scale = draws.uniform(0.35, 1) * most
    height, width = int(scale * HEIGHT), int(scale * WIDTH)
    top = draws.integers(photo.shape[0] - height + 1)
    left = draws.integers(photo.shape[1] - width + 1)
    part = np.ascontiguousarray(photo[top : top + height, left : left + width])
    part = cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    part = part * draws.uniform(0.6, 1.2) + draws.normal(0, NOISE_LEVELS, part.shape)
    return part.clip(0, 255).astype(np.uint8)


def page(folder: Path, count: int, rounds: int) -> str:
    """The page: figures of the whole and of the search for near-duplicates alone."""
    kinds = [kind for kind in KINDS if kind.ray is None or is_installed("ray")]
    taken: dict[str, list[float]] = {kind.name: [] for kind in kinds}
    lists = set()
    for _ in range(rounds):
        for kind in kinds:
            output = folder / "kept.json"
            start = time.perf_counter()
            result = kind.run(folder / "pictures", output)
            taken[kind.name].append(time.perf_counter() - start)
            lists.add(output.read_bytes())
            output.unlink()
            assert len(lists) == 1, f"{kind.name} wrote another list"
    left_out = result.left_out
    assert left_out["near-duplicate"] >= count // COPY_EVERY - left_out["background"], left_out
    rows = []
    for name, times in taken.items():
        median = statistics.median(times)
        cells = (f"{median:.1f} s", f"{min(times):.1f} to {max(times):.1f} s")
        rows.append(row(name, *cells, f"{count / median:,.0f}"))
    hashes = np.random.default_rng(0).integers(0, 2**64, count, np.uint64)
    limit = NearDuplicates().most_bits
    search_s = statistics.median(seconds(lambda: first_alike(hashes, limit)) for _ in range(rounds))
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in left_out.items() if number)
    return "\n".join(
        (
            "# How fast collections are curated",
            "",
            f"{count:,} pictures of {WIDTH}×{HEIGHT} px, JPEG: cuts of the photographs "
            "that scikit-image ships, turned, mirrored, brightened and noisy, every tenth a copy "
            "of the one before it, smaller and compressed again. They are curated "
            f"([what that does](../guide/curation.md)) with a least side of {LEAST_PX} px, from "
            "the search of the folder to the list as JSON. Every kind wrote the same list, byte "
            f"for byte: {len(result.kept):,} kept; left out {reasons}.",
            "",
            "Start of processes, and of Ray's cluster, is included; median and range of "
            f"{rounds} {'run' if rounds == 1 else 'runs'} of each in turns, on two processors of a "
            "desk that other work shares, so that figures tell of each other, roughly, and not of "
            "the machine.",
            "",
            head("measured by", "time", "range", "pictures a second"),
            *rows,
            "",
            f"The search for near-duplicates among {count:,} hashes of which none are alike, the "
            f"most work that there can be, takes {search_s:.2f} s of it.",
            "",
            "`python benchmarks/curation.py --table docs/measurements/curation.md` makes the page "
            "again, with the row of Ray where the extra `ray` is installed.",
        )
    )


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
