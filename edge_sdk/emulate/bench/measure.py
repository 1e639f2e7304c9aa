"""The process of one measurement: ``python -m edge_sdk.emulate.bench.measure JOB``.

JOB is the JSON of a :class:`Job`. The process imports the runtime, notes its memory, loads the
artifact and says so; then it makes as many runs as each line of standard input requests and answers
with their seconds. Each answer is one line of JSON on standard output; what libraries print goes
to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edge_sdk.emulate.bench.memory import peak_bytes, reset_peak, resident_bytes
from edge_sdk.emulate.runtimes.names import RUNTIMES, TORCH
from edge_sdk.emulate.runtimes.runner import Delegation
from edge_sdk.errors import EdgeSdkError
from edge_sdk.extras import require
from edge_sdk.json_records import from_json

if TYPE_CHECKING:
    from edge_sdk.emulate.runtimes.runner import Runner


@dataclass(frozen=True)
class Job:
    """What one process measures.

    Attributes:
        subject: file, or for the runtime ``torch`` a model by its name or file.
        runtime: a name in :data:`edge_sdk.emulate.runtimes.names.RUNTIMES`.
        threads: threads of the runtime.
        shape: input shape N×C×H×W for ``torch``; a file has its own.
        label: what tables call it; the file's name if empty.

    Example:
        >>> from edge_sdk.emulate import Job
        >>> Job("mine.tflite", "litert", threads=2).threads
        2
    """

    subject: str
    runtime: str
    threads: int
    shape: tuple[int, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Loaded:
    """First answer of the process: the artifact is loaded; fields as of a ``Measurement``."""

    version: str
    precision: str | None
    delegation: Delegation | None
    inputs: tuple[tuple[int, ...], ...]
    load_s: float


@dataclass(frozen=True)
class Turn:
    """Answer to a line of standard input: time of each run, and the most memory until now."""

    seconds: tuple[float, ...]
    peak_bytes: int


@dataclass(frozen=True)
class Failure:
    """Answer in place of either: why there is none."""

    error: str


def main() -> None:
    """Measure the job that the command line names, round by round."""
    answers = _private_stdout()
    job = from_json(Job, sys.argv[1])
    warnings.simplefilter("ignore")
    try:
        load = _prepared(job)
        baseline = resident_bytes()
        reset_peak()
        begin = time.perf_counter()
        runner = load()
        load_s = time.perf_counter() - begin
        run = runner.prepare(_inputs(runner))
        run()
        _answer(answers, _loaded(runner, load_s))
        for line in sys.stdin:
            run()
            seconds = tuple(_timed(run) for _ in range(int(line)))
            _answer(answers, Turn(seconds, peak_bytes() - baseline))
    except EdgeSdkError as error:
        _answer(answers, Failure(str(error)))
    except Exception as error:
        # The parent shows it in the row of this measurement.
        _answer(answers, Failure(f"{type(error).__name__}: {error}"))


def _private_stdout() -> IO[str]:
    """Keep standard output for answers; whatever else writes there goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _answer(answers: IO[str], value: Loaded | Turn | Failure) -> None:
    answers.write(json.dumps(asdict(value)) + "\n")
    answers.flush()


def _prepared(job: Job) -> Callable[[], Runner]:
    """Import the runtime and fix its threads; the result loads the artifact.

    What a runtime needs by itself is not the artifact's memory or time. Likewise a model's file is
    read and its blocks are merged here.
    """
    import torch

    from edge_sdk.emulate.runtimes.opening import open_artifact

    torch.set_num_threads(job.threads)
    if job.runtime == TORCH:
        from edge_sdk.emulate.runtimes.eager import EagerRunner
        from edge_sdk.zoo.networks import fused_by_name

        network = fused_by_name(job.subject)
        return lambda: EagerRunner(network, torch.zeros(job.shape), job.subject)
    runtime = RUNTIMES.find(job.runtime)
    for module in runtime.packages:
        importlib.import_module(module) if runtime.extra is None else require(runtime.extra, module)
    if runtime.fix_threads is not None:
        runtime.fix_threads(job.threads)
    # This process is the trial of a foreign file: if the file ends it, the parent says so.
    path = Path(job.subject)
    return lambda: open_artifact(path, job.runtime, threads=job.threads, trial=False)


def _inputs(runner: Runner) -> dict[str, Any]:
    import numpy as np

    generator = np.random.default_rng(0)
    return {
        name: generator.random(shape, dtype=np.float32)
        for name, shape in runner.input_shapes.items()
    }


def _loaded(runner: Runner, load_s: float) -> Loaded:
    return Loaded(
        runner.info.runtime,
        runner.precision,
        runner.delegation,
        tuple(runner.input_shapes.values()),
        load_s,
    )


def _timed(run: Any) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
