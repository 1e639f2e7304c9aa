"""A collection of pictures, curated: measured one by one, judged together, listed or copied."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path

from edge_sdk.curation.config import CurationConfig
from edge_sdk.curation.criteria.criterion import Measured
from edge_sdk.curation.gathering import Collection, gather
from edge_sdk.curation.journal import Journal, journal_of, key_of
from edge_sdk.curation.measuring import measure_files
from edge_sdk.curation.output import check_output, check_sheet, write_output
from edge_sdk.curation.ray_cluster import LOCAL, check_address
from edge_sdk.curation.ray_job import measure_with_ray
from edge_sdk.curation.verdicts import CurationResult, judge
from edge_sdk.errors import InputError
from edge_sdk.outputs import after_writing
from edge_sdk.progress import Progress, silent


def curate(
    pictures: str | Path | Iterable[str | Path],
    output: str | Path | None = None,
    config: CurationConfig | None = None,
    *,
    workers: int = 1,
    ray: str | None = None,
    resume: bool = False,
    sheet: str | Path | None = None,
    on_progress: Progress | None = None,
) -> CurationResult:
    """Choose the pictures of a collection that are fit to be trained on.

    Each picture is read upright and measured by every criterion; then all are judged, in the order
    of their paths. The result does not depend on the number of processes, on the order in which
    pictures are named, or on whether a run was stopped and resumed. Files of the collection are
    only read. While pictures are measured, the figures are kept in a journal beside the output,
    ``OUTPUT.journal.jsonl``; it goes when the output is written.

    Args:
        pictures: files, and folders, which are searched with the folders in them.
        output: ``.txt``, a list of the paths that are kept, one a line; ``.json``, the same with
            what was left out and why; another name, a new or empty folder for copies; ``None``
            writes nothing.
        config: the criteria and their limits.
        workers: processes that measure, at least 1. A program that gives more than 1 must be
            importable: its own work stands under ``if __name__ == "__main__"``.
        ray: ``HOST:PORT`` of a cluster of Ray that measures instead, on all of its processors and
            from files that every node sees under the same absolute paths; or ``local``, which
            starts one of ``workers`` processes here. A process or node that ends is made up for.
            A program that is connected to a cluster already uses that one.
        resume: go on with the journal of a run that was stopped. A picture that was measured is not
            read again while path, size and time of change are the same.
        sheet: HTML page of examples to write.
        on_progress: called for each picture.

    Returns:
        A verdict for every picture.

    Raises:
        InputError: if there are no pictures, a number is out of range, the output lies among the
            pictures, the journal does not fit ``resume``, or no cluster is at ``ray``.
        MissingExtraError: if ``ray`` is given and the extra ``ray`` is not installed.
        OutputError: if something is there already, or cannot be written.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.curation import CurationConfig, NearDuplicates, Size, curate
        >>> Path("photos").mkdir()
        >>> for name in ("hill", "lake"):
        ...     scene = resize_bicubic(torch.rand(3, 8, 10), 8).clamp(0, 1)
        ...     written = write_picture(Picture(scene), f"photos/{name}.png")
        >>> copy = resize_bicubic(scene, 0.5).clamp(0, 1)
        >>> written = write_picture(Picture(copy), "photos/lake_small.jpg")
        >>> result = curate("photos", "kept.txt", CurationConfig((Size(24), NearDuplicates())))
        >>> Path("kept.txt").read_text().split()
        ['photos/hill.png', 'photos/lake.png']
        >>> result.left_out
        {'unreadable': 0, 'size': 0, 'near-duplicate': 1}
    """
    config, report = config or CurationConfig(), on_progress or silent
    if workers < 1:
        raise InputError(f"pictures are measured by 1 process or more, not {workers}")
    if ray is not None:
        check_address(ray)
        if ray != LOCAL and workers > 1:
            raise InputError("a Ray cluster has as many workers as it has; leave out the number")
    named = (pictures,) if isinstance(pictures, str | Path) else pictures
    collection = gather([Path(subject) for subject in named])
    place = None if output is None else Path(output)
    page = None if sheet is None else Path(sheet)
    if place is not None:
        check_output(place, collection)
    elif resume:
        raise InputError("without an output there is no journal to resume from; name the output")
    if page is not None:
        check_sheet(page, place, collection)
    with ExitStack() as stack:
        journal = None
        if place is not None:
            opened = Journal(journal_of(place), config.measured_as, resume=resume)
            journal = stack.enter_context(opened)

        def measure(paths: Sequence[Path]) -> Generator[Measured, None, None]:
            if ray is None:
                return measure_files(paths, config.in_order, workers)
            return measure_with_ray(paths, config.in_order, ray, workers)

        measured, before = _measured(collection, measure, journal, report)
        verdicts = judge(measured, config.in_order)
        names = tuple(criterion.name for criterion in config.in_order)
        result = CurationResult(place, names, verdicts, before)
        if place is not None:
            write_output(result, collection, config.settings(), report)
    if page is not None:
        from edge_sdk.curation.sheet import write_sheet

        with nullcontext() if place is None else after_writing(place):
            write_sheet(page, result)
    return result


def _measured(
    collection: Collection,
    measure: Callable[[Sequence[Path]], Generator[Measured, None, None]],
    journal: Journal | None,
    report: Progress,
) -> tuple[list[Measured], int]:
    """Measurements of all pictures in their order, and how many of them the journal had."""
    keys = {path: key_of(path) for path in collection.pictures}
    known = {}
    if journal is not None:
        found = {path: journal.find(path, key) for path, key in keys.items()}
        known = {path: each for path, each in found.items() if each is not None}
    before, total = len(known), len(keys)
    fresh = [path for path in collection.pictures if path not in known]
    report("measure", before, total)
    # Closed at once where this ends early, so that no process or cluster outlives it.
    with closing(measure(fresh)) as arriving:
        for done, measured in enumerate(arriving, before + 1):
            known[measured.path] = measured
            if journal is not None:
                journal.add(measured, keys[measured.path])
            report("measure", done, total)
    return [known[path] for path in collection.pictures], before
