"""A model as a file for every target and precision that fits, each checked, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_sdk.deploy.conversion import ConvertedModel
from edge_sdk.emulate.bench.measure import Job
from edge_sdk.emulate.bench.rounds import measure
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime, runtimes_for
from edge_sdk.errors import EdgeSdkError, InputError, MissingExtraError, OutputError
from edge_sdk.progress import Progress, silent
from edge_sdk.targets import LoweringReport, converter_names, find_converter, runs_here

RUNS, ROUNDS = 20, 4
Convert = Callable[[str, Path, str], ConvertedModel]
"""Converts to a target, at a path, in a precision."""


@dataclass(frozen=True)
class TargetFile:
    """What became of a model in one target and precision.

    Attributes:
        target: name of the converter.
        precision: of the file.
        path: the file; ``None`` if none was made.
        why: why none was made; empty if one was.
        report: what became of the operators; ``None`` if there is no file.
        psnr_db: agreement of the file's runtime with PyTorch, of the worst output; NaN if it was
            not run here.
        gate_db: what that had to reach; NaN likewise.
        check: for people: what running it has shown, or why it was not run.
        median_s: time of a run on this machine's processor, one thread; NaN if it was not measured.
        notes: for people: what was done to the model beyond what was asked.

    Example:
        >>> from edge_sdk.deploy import TargetFile
        >>> TargetFile("coreml", "w8", None, "no counterpart of sort").is_made
        False
    """

    target: str
    precision: str
    path: Path | None
    why: str = ""
    report: LoweringReport | None = None
    psnr_db: float = math.nan
    gate_db: float = math.nan
    check: str = ""
    median_s: float = math.nan
    notes: tuple[str, ...] = ()

    @property
    def is_made(self) -> bool:
        """Whether there is a file."""
        return self.path is not None


@dataclass(frozen=True)
class AllTargets:
    """All files of a model.

    Attributes:
        model: what the user typed.
        folder: that holds them.
        files: by target, then precision; those that could not be made among them.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.deploy import AllTargets
        >>> AllTargets("sr_x2_y", Path("files"), ()).made
        ()
    """

    model: str
    folder: Path
    files: tuple[TargetFile, ...]

    @property
    def made(self) -> tuple[TargetFile, ...]:
        """Those that are files."""
        return tuple(file for file in self.files if file.is_made)


def convert_all(
    name: str,
    folder: Path,
    stem: str,
    convert: Convert,
    precisions: Sequence[str] | None = None,
    on_progress: Progress | None = None,
) -> AllTargets:
    """Convert a model to every installed target in every precision that it and the target have.

    A file that cannot be made has a row that says why, as has a target whose files nothing here
    runs; the others go on. In the end all files are timed in turns, one thread each.

    Args:
        name: of the model, for people.
        folder: new, or one that may be written to; files of the same names are replaced.
        stem: what the names of the files begin with.
        convert: makes one file.
        precisions: those to make; ``None`` for all.
        on_progress: called before each file, and while they are timed.

    Raises:
        InputError: if no target has such a precision.
        MissingExtraError: if no target is installed.
        OutputError: if the folder cannot be written.
    """
    report = on_progress or silent
    wanted = list(_wanted(precisions))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be a folder ({error.strerror})") from error
    found: list[TargetFile] = []
    missing: list[MissingExtraError] = []
    for index, (target, precision) in enumerate(wanted):
        report("convert", index, len(wanted))
        converter = find_converter(target)
        if not runs_here(converter):
            why = "nothing on this machine runs its files; convert to it by its name"
            found.append(TargetFile(target, precision, None, why))
            continue
        path = folder / f"{stem}-{target}-{precision}{converter.suffix}"
        try:
            found.append(_row(target, precision, convert(target, path, precision)))
        except OutputError:
            raise
        except EdgeSdkError as error:
            if isinstance(error, MissingExtraError):
                missing.append(error)
            found.append(TargetFile(target, precision, None, str(error)))
    report("convert", len(wanted), len(wanted))
    if missing and len(missing) == len(wanted):
        raise missing[0]
    return AllTargets(name, folder, tuple(_timed(found, report)))


def _wanted(precisions: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    known: set[str] = set()
    for target in converter_names():
        converter = find_converter(target)
        known |= set(converter.precisions)
        for precision in converter.precisions:
            if precisions is None or precision in precisions:
                yield target, precision
    unknown = set(precisions or ()) - known
    if unknown:
        raise InputError(
            f"no target has the precision '{sorted(unknown)[0]}'; choose of: "
            + ", ".join(sorted(known))
        )


def _row(target: str, precision: str, made: ConvertedModel) -> TargetFile:
    check = made.check
    return TargetFile(
        target,
        precision,
        made.path,
        report=made.report,
        psnr_db=math.nan if check.psnr_db is None else check.psnr_db,
        gate_db=math.nan if check.gate_db is None else check.gate_db,
        check=str(check),
        notes=made.notes,
    )


def _timed(files: Sequence[TargetFile], report: Progress) -> Iterator[TargetFile]:
    """The files with the time of a run, where a runtime here that can be timed opens them."""
    jobs = {}
    for file in files:
        names = runtimes_for(file.path) if file.path is not None else ()
        if names and _is_timed(RUNTIMES.find(names[0])):
            jobs[file.target, file.precision] = Job(str(file.path), names[0], threads=1)
    measured = measure(list(jobs.values()), RUNS, report, rounds=ROUNDS) if jobs else ()
    seconds = {key: each.median_s for key, each in zip(jobs, measured, strict=True)}
    for file in files:
        yield replace(file, median_s=seconds.get((file.target, file.precision), math.nan))


def _is_timed(runtime: Runtime) -> bool:
    """Whether a time says something: an interpreter's, which has no threads to fix, does not."""
    return runtime.takes_threads or runtime.fix_threads is not None
