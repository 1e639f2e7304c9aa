"""A folder of pairs from pictures, by one process or several, resumed where it was cut."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_sdk.data.degradation.file import read_recipe
from edge_sdk.data.degradation.folder.pairing import MadePairs, PairSettings, make_pairs
from edge_sdk.data.degradation.folder.records import (
    CLEAN,
    DEGRADED,
    FORMAT,
    LOCK,
    RECORDS,
    SETTINGS,
    SHEET,
    VERSION,
    PairRecord,
    check_folder,
    is_whole,
    read_records,
    write_records,
)
from edge_sdk.data.degradation.folder.sheet import write_sheet
from edge_sdk.data.degradation.folder.sources import Source, check_apart, find_sources
from edge_sdk.data.degradation.recipe import DegradationRecipe
from edge_sdk.digests import file_sha256
from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.outputs import replacing
from edge_sdk.progress import Progress, silent
from edge_sdk.worker_processes import map_in_processes

LEAST_CROP_PX = 256
MOST_WORKERS = 64


@dataclass(frozen=True)
class DegradedFolder:
    """What became of a folder of pairs.

    Attributes:
        folder: it.
        pairs: number of pairs in it.
        made: of these, by this run.
        left_out: of every picture without pairs the reason, one line that names it.
        notes: what pairs do not keep of their pictures, and of how many.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.data import DegradedFolder
        >>> DegradedFolder(Path("pairs"), pairs=8, made=3, left_out=(), notes=()).made
        3
    """

    folder: Path
    pairs: int
    made: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def degrade_pictures(
    pictures: Sequence[Path | str],
    output: Path | str,
    recipe: DegradationRecipe | str = "document",
    *,
    seed: int = 0,
    crops: int = 0,
    crop_px: int = LEAST_CROP_PX,
    workers: int = 1,
    resume: bool = False,
    on_progress: Progress | None = None,
) -> DegradedFolder:
    """Write pairs of clean and degraded pictures, and what was drawn for each.

    ``output`` gets ``clean/`` and ``degraded/`` with PNG files of 8 bits under the same names,
    ``records.jsonl``, ``degradation.json`` (recipe, seed, crops) and ``sheet.html``. A pair depends
    on its name, its picture, recipe and seed, not on other pictures or the number of workers.

    Args:
        pictures: files, and folders whose pictures are taken.
        output: new or empty folder, or with ``resume`` one of the same settings: pairs that are
            whole, of a picture that did not change, are kept, and pictures may be added.
        recipe: a recipe, the name of a preset, or a file of a recipe.
        seed: of all draws, 0 or more.
        crops: number of crops at random places of each picture; 0 for whole pictures.
        crop_px: their side, 256 or more.
        workers: number of processes, 1 to 64. More than one start anew and import your program:
            keep what it runs under ``if __name__ == "__main__"``.
        resume: whether to go on in a folder that holds pairs.
        on_progress: called with the pictures that are done.

    Raises:
        InputError: if a setting is out of its range, there is no picture, two would have one name,
            the output lies among the pictures, or ``resume`` is given with other settings.
        OutputError: if the output cannot be written, holds files, or is in use.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.data import degrade_pictures
        >>> written = write_picture(Picture(torch.rand(3, 40, 60)), "cup.png")
        >>> made = degrade_pictures(["cup.png"], "pairs", "second-order", seed=1)
        >>> made.pairs, sorted(path.name for path in made.folder.iterdir() if path.suffix)
        (1, ['degradation.json', 'records.jsonl', 'sheet.html'])
    """
    _check(seed, crops, crop_px, workers)
    subjects, folder = [Path(each) for each in pictures], Path(output)
    recipe = recipe if isinstance(recipe, DegradationRecipe) else read_recipe(recipe)
    sources = find_sources(subjects, crops)
    check_apart(subjects, sources, (folder, folder / CLEAN, folder / DEGRADED))
    settings = PairSettings(folder, recipe, seed, crop_px if crops else 0)
    report = on_progress or silent
    with _open(settings, crops, resume=resume):
        records = read_records(folder / RECORDS) if resume else {}
        records = {name: each for name, each in records.items() if is_whole(each, folder)}
        left = [source for source in sources if not _is_kept(source, records)]
        write_records(folder / RECORDS, records.values())
        left_out, notes, made = [], Counter[str](), 0
        done = len(sources) - len(left)
        report("pictures", done, len(sources))
        with closing(_outcomes(left, settings, min(workers, len(left)))) as outcomes:
            for outcome in outcomes:
                _append(folder / RECORDS, outcome.records)
                records |= {record.name: record for record in outcome.records}
                made, done = made + len(outcome.records), done + 1
                notes.update(outcome.notes)
                left_out += [] if outcome.left_out is None else [outcome.left_out]
                report("pictures", done, len(sources))
        write_records(folder / RECORDS, records.values())
        write_sheet(folder / SHEET, folder, list(records.values()))
    told = tuple(f"{note} ({count} of {len(left)} pictures)" for note, count in notes.items())
    return DegradedFolder(folder, len(records), made, tuple(left_out), told)


def _check(seed: int, crops: int, crop_px: int, workers: int) -> None:
    checks = (
        (seed >= 0, f"seed {seed}: give 0 or more"),
        (crops >= 0, f"crops {crops}: give 0, for whole pictures, or more"),
        (crop_px >= LEAST_CROP_PX, f"crop {crop_px}: give {LEAST_CROP_PX} px or more"),
        (1 <= workers <= MOST_WORKERS, f"workers {workers}: give 1 to {MOST_WORKERS}"),
    )
    for holds, message in checks:
        if not holds:
            raise InputError(message)


@contextmanager
def _open(settings: PairSettings, crops: int, *, resume: bool) -> Iterator[None]:
    """Make the folder, or find it as it should be, and keep other processes out."""
    from filelock import FileLock, Timeout

    folder = settings.folder
    content = {
        "format": FORMAT,
        "version": VERSION,
        "seed": settings.seed,
        "crops": crops,
        "crop_px": settings.crop_px,
        "recipe": settings.recipe.as_json(),
    }
    check_folder(folder, content, resume=resume)
    try:
        folder.mkdir(exist_ok=True)
        # Freed when the process ends, however it ends.
        lock = FileLock(folder / LOCK, blocking=False).acquire()
    except Timeout as error:
        raise OutputError(
            f"{folder}: another edge-sdk degrade writes here; wait for its end, or give another "
            "folder"
        ) from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
    with lock:
        with replacing(folder / SETTINGS) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        try:
            for kind in (CLEAN, DEGRADED):
                (folder / kind).mkdir(exist_ok=True)
                # What a run that was killed left half written.
                for half in (folder / kind).glob(".*.png"):
                    half.unlink()
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
        yield


def _is_kept(source: Source, records: dict[str, PairRecord]) -> bool:
    found = [records.get(name) for name in source.names]
    try:
        sha256 = file_sha256(source.path) if all(found) else ""
    except PictureError:
        return False
    return all(each is not None and each.source_sha256 == sha256 for each in found)


def _append(path: Path, records: Iterable[PairRecord]) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(record.line for record in records)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _outcomes(
    sources: Sequence[Source], settings: PairSettings, workers: int
) -> Generator[MadePairs, None, None]:
    """Of every picture in its order, whoever makes it."""
    make = partial(make_pairs, settings=settings)
    if workers <= 1:
        yield from map(make, sources)
        return
    advice = f"give fewer than {workers} workers, and resume"
    yield from map_in_processes(make, sources, workers, advice)
