"""Command ``bench``: speed and memory of artifacts and models, side by side."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import err, out, print_json, print_table, progress_bars
from edge_sdk.cli.shared.runtime_option import RUNTIME_NAMES, file_runtimes, parse_runtimes
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.emulate.bench.measure import Job
    from edge_sdk.emulate.bench.rounds import Measurement
    from edge_sdk.emulate.runtimes.runner import Delegation

MAX_THREADS = 256


def bench(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE…|MODEL", help="Converted files; or models, converted to every target."
        ),
    ] = None,
    runs: Annotated[int, typer.Option(help="Measured runs per row.")] = 50,
    threads: Annotated[str, typer.Option(help="Threads, such as 1 or 1,2.")] = "1",
    runtime: Annotated[
        str | None,
        typer.Option(help=f"{RUNTIME_NAMES}, or another installed; several by commas."),
    ] = None,
    size: Annotated[str, typer.Option(help="Input HEIGHTxWIDTH of models.")] = "128x128",
    model: Annotated[
        str | None, typer.Option(help="Model that the files were made from, to count MACs.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure time and memory of converted files in their desktop runtimes.

    Each row is measured in a fresh process with fixed threads; the processes take turns, so that a
    busy machine slows all alike. A model is measured in PyTorch and in every installed target.
    Figures of this computer say how rows compare, not how fast a phone is; an emulator of a
    processor is run once, for its memory and what it took, and has no time at all.

    Example: edge-sdk bench sr_x2_y.tflite sr_x2_y.pte --threads 1,2
    """
    from edge_sdk.cli.shared.model_argument import parse_size
    from edge_sdk.emulate.bench.rounds import measure

    if not subjects:
        raise InputError("nothing to measure; name one: edge-sdk bench FILE … or MODEL")
    counts, requested, side = parse_threads(threads), parse_runtimes(runtime), parse_size(size)
    with tempfile.TemporaryDirectory() as folder:
        plans = [
            plan
            for subject in subjects
            for plan in _plans(subject, model, requested, side, Path(folder))
        ]
        if not plans:
            raise InputError(f"no row is left by --runtime {runtime}; leave it out, or name others")
        rows_of = [counts[:1] if _has_own_threads(plan.job) else counts for plan in plans]
        pairs = [(plan, n) for plan, ns in zip(plans, rows_of, strict=True) for n in ns]
        jobs = [replace(plan.job, threads=count) for plan, count in pairs]
        with progress_bars() as progress:
            measured = measure(jobs, runs, progress)
        rows = [_row(row, plan.model) for row, (plan, _) in zip(measured, pairs, strict=True)]
    if as_json:
        print_json({"runs": runs, "rows": rows})
    else:
        _print_rows(rows, runs)
    if all(row.measurement.failure for row in rows):
        raise typer.Exit(1)


def parse_threads(text: str) -> tuple[int, ...]:
    """Read ``1`` or ``1,2``.

    Raises:
        InputError: if it is something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() and 1 <= int(part) <= MAX_THREADS for part in parts):
        raise InputError(f"threads '{text}' are no numbers of 1 to {MAX_THREADS}; write 1 or 1,2")
    return tuple(dict.fromkeys(int(part) for part in parts))


@dataclass(frozen=True)
class _Plan:
    job: Job
    model: str | None


@dataclass(frozen=True)
class _Row:
    """A measurement with what it is set against.

    Attributes:
        measurement: times and memory.
        size_bytes: size of the file or package; ``None`` for PyTorch.
        macs: multiply–accumulates of one run, where the model is known.
        macs_per_s: of the median run.
    """

    measurement: Measurement
    size_bytes: int | None
    macs: int | None
    macs_per_s: float | None


def _plans(
    subject: str,
    model: str | None,
    requested: tuple[str, ...] | None,
    side: tuple[int, int],
    folder: Path,
) -> list[_Plan]:
    from edge_sdk.emulate.bench.measure import Job
    from edge_sdk.emulate.runtimes.names import artifact_suffixes

    path, suffixes = Path(subject), artifact_suffixes()
    if path.suffix not in suffixes:
        if path.is_file() and path.suffix != ".safetensors":
            raise InputError(
                f"{subject}: not what bench takes; give converted files ({', '.join(suffixes)}), "
                ".safetensors files or names of shipped models"
            )
        return _model_plans(subject, requested, side, folder)
    names = file_runtimes(path, requested)
    return [_Plan(Job(subject, name, 1, label=path.name), model) for name in names]


def _model_plans(
    subject: str, requested: tuple[str, ...] | None, side: tuple[int, int], folder: Path
) -> list[_Plan]:
    """PyTorch and every installed target, converted now."""
    from edge_sdk.emulate.bench.measure import Job
    from edge_sdk.emulate.runtimes.names import TORCH, runtimes_for, runtimes_of
    from edge_sdk.extras import install_command, is_installed
    from edge_sdk.targets import converter_names, find_converter
    from edge_sdk.zoo.networks import example_input, fused_by_name

    network = fused_by_name(subject)
    example = example_input(network, *side)
    name = Path(subject).stem
    plans = []
    if requested is None or TORCH in requested:
        plans.append(_Plan(Job(subject, TORCH, 1, tuple(example.shape), name), subject))
    for target in converter_names():
        converter = find_converter(target)
        fitting = runtimes_of(converter.suffix)
        asked = [each for each in fitting if requested is None or each in requested]
        # Some targets are made for phones alone: nothing here runs their files.
        if not asked or not getattr(converter, "runs_here", True):
            continue
        if not is_installed(converter.extra):
            command = install_command(converter.extra)
            err.print(f"note: {target} is left out; install it with: {command}")
            continue
        path = folder / f"{name}-{target}{converter.suffix}"
        converter.convert(network, example, path, converter.precisions[0])
        label = f"{name}{converter.suffix}"
        fitting = runtimes_for(path)
        usual = fitting[:1] if requested is None else fitting
        chosen_runtimes = [each for each in usual if requested is None or each in requested]
        plans += [
            _Plan(Job(str(path), choice, 1, label=label), subject) for choice in chosen_runtimes
        ]
    return plans


def _has_own_threads(job: Job) -> bool:
    """Whether nothing fixes its threads, as those of a GPU in software."""
    from edge_sdk.emulate.runtimes.names import RUNTIMES

    return RUNTIMES.find(job.runtime).own_threads


def _row(measurement: Measurement, model: str | None) -> _Row:
    from edge_sdk.outputs import size_of

    path = Path(measurement.job.subject)
    size = size_of(path) if path.suffix != ".safetensors" and path.exists() else None
    if model is None or measurement.failure is not None:
        return _Row(measurement, size, None, None)
    macs, seconds = _macs(model, measurement.inputs), measurement.median_s
    return _Row(measurement, size, macs, None if math.isnan(seconds) else macs / seconds)


@cache
def _macs(model: str, shapes: tuple[tuple[int, ...], ...]) -> int:
    from edge_sdk.reparam import count_macs
    from edge_sdk.zoo.networks import example_input, fused_by_name

    network = fused_by_name(model)
    channels = network.spec.input_channels
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][:2] != (1, channels):
        raise InputError(
            f"the file takes {shapes[0]}, the model {model} {channels} channel(s); name the model "
            "it was made from"
        )
    return count_macs(network, example_input(network, *shapes[0][2:]))


def _print_rows(rows: list[_Row], runs: int) -> None:
    # Two tables, so that each can be read at 80 columns.
    good = [row for row in rows if row.measurement.failure is None]
    if good:
        timed = [row.measurement.median_s for row in good]
        first = next((each for each in timed if not math.isnan(each)), math.nan)
        columns = ("file", "runtime", "type", "threads", "ms", "quartiles", "speed")
        times = [_times(row.measurement, first) for row in rows]
        print_table(f"Time, {runs} runs each, in turns", columns, times, whole=range(1, 7))
        out.print("ms: median; speed: how many times as fast as the first row", style="dim")
        columns = ("file", "runtime", "load ms", "peak MiB", "KiB", "GMAC/s", "delegated")
        print_table(
            "Memory and delegate", columns, [_sizes(row) for row in good], whole=range(1, 6)
        )
        out.print("peak: memory beyond that of the process; KiB: size of the file", style="dim")
        out.print("(a runtime in a process of its own, such as coreai, counts whole)", style="dim")
    for row in rows:
        m = row.measurement
        if m.failure is not None:
            err.print(f"failed: {m.job.label} in {m.job.runtime}: {m.failure}")


def _times(m: Measurement, first_s: float) -> tuple[str, ...]:
    threads = "—" if _has_own_threads(m.job) else str(m.job.threads)
    start = (m.job.label, m.job.runtime, m.precision or "—", threads)
    if m.failure is not None:
        return (*start, "failed", "—", "—")
    if math.isnan(m.median_s):
        return (*start, "emulated", "—", "—")
    quartiles = f"{1e3 * m.low_s:.2f}–{1e3 * m.high_s:.2f}"
    return (*start, f"{1e3 * m.median_s:.2f}", quartiles, f"{first_s / m.median_s:.2f}×")


def _sizes(row: _Row) -> tuple[str, ...]:
    m = row.measurement
    return (
        m.job.label,
        m.job.runtime,
        "—" if math.isnan(m.load_s) else f"{1e3 * m.load_s:.0f}",
        f"{m.peak_bytes / 2**20:.1f}",
        "—" if row.size_bytes is None else f"{row.size_bytes / 1024:.0f}",
        "—" if row.macs_per_s is None else f"{row.macs_per_s / 1e9:.1f}",
        describe_delegation(m.delegation),
    )


def describe_delegation(delegation: Delegation | None) -> str:
    """Say how much a delegate took, such as ``2 parts, left: CUMSUM``."""
    if delegation is None:
        return "—"
    left = ", ".join(dict.fromkeys(delegation.undelegated))
    parts = "whole" if delegation.partitions == 1 else f"{delegation.partitions} parts"
    return f"{parts if delegation.partitions else 'none'}" + (f", left: {left}" if left else "")
