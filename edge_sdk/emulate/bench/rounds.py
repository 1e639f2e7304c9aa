"""Speed and memory of artifacts side by side: one fresh process each, rounds in turn.

A runtime inside a busy process reads several times slower than in a clean one, and a machine that
does other work slows what runs at that moment. So each measurement has a process of its own with a
fixed number of threads, and the processes take turns: a slow moment hits all alike. The processes
live side by side, so that their memory must fit together.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import statistics
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from edge_sdk.emulate.bench.measure import Failure, Job, Loaded, Turn
from edge_sdk.emulate.runtimes.names import RUNTIMES
from edge_sdk.emulate.runtimes.runner import Delegation
from edge_sdk.errors import InputError
from edge_sdk.json_records import from_json
from edge_sdk.progress import Progress, silent

ROUNDS = 5
"""Turns that each process takes."""
Answer = TypeVar("Answer", Loaded, Turn)
MAX_RUNS = 100_000
MAX_THREADS = 256
TIMEOUT_S = 600.0
"""Longest wait for one answer of a process."""


@dataclass(frozen=True)
class Measurement:
    """What one process measured.

    Attributes:
        job: what was measured.
        version: runtime with its version; empty if it did not load.
        precision: what the artifact computes in; ``None`` if unknown.
        delegation: what the delegate took.
        median_s: median time of a run, in seconds; NaN if it failed, as all figures then, and in
            an emulator of a processor, as all times there: they say nothing of that processor.
        low_s: lower quartile.
        high_s: upper quartile.
        runs: runs measured.
        load_s: time to load the artifact, without importing its runtime.
        peak_bytes: most memory beyond that of the imported runtime, while loading and running;
            with all that a runtime in a process of its own holds (``coreai``).
        failure: one line that says why there are no figures; ``None`` if there are.
        inputs: input shapes.

    Example:
        >>> from edge_sdk.emulate import Job, Measurement
        >>> found = Measurement(Job("mine.tflite", "litert", threads=1), median_s=0.002, runs=50)
        >>> f"{1000 * found.median_s:.1f} ms over {found.runs} runs"
        '2.0 ms over 50 runs'
    """

    job: Job
    version: str = ""
    precision: str | None = None
    delegation: Delegation | None = None
    median_s: float = math.nan
    low_s: float = math.nan
    high_s: float = math.nan
    runs: int = 0
    load_s: float = math.nan
    peak_bytes: int = 0
    failure: str | None = None
    inputs: tuple[tuple[int, ...], ...] = field(default=())


def measure(
    jobs: Sequence[Job],
    runs: int = 50,
    on_progress: Progress | None = None,
    *,
    rounds: int = ROUNDS,
) -> tuple[Measurement, ...]:
    """Measure every job in a process of its own, in interleaved rounds.

    Args:
        jobs: what to measure.
        runs: runs per job, one more unmeasured before each round; one alone in an emulator.
        on_progress: called after each model loaded (``load``) and each turn of a process (``run``).
        rounds: turns that each process takes; more of them share out short disturbances better.

    Returns:
        One measurement per job, in order; a process that failed or crashed has its reason.

    Raises:
        InputError: if there is no job, or a number is out of its range.

    Example:
        >>> from torch import nn
        >>> from edge_sdk import convert
        >>> from edge_sdk.emulate import Job, measure
        >>> made = convert(nn.Conv2d(3, 8, 3), "executorch", "conv.pte", example=(1, 3, 16, 16))
        >>> (found,) = measure([Job(str(made.path), "executorch", threads=1)], runs=4, rounds=1)
        >>> found.failure is None, found.median_s > 0, found.precision
        (True, True, 'fp32')
    """
    if not jobs:
        raise InputError("nothing to measure; name a file or a model")
    if not 1 <= runs <= MAX_RUNS:
        raise InputError(f"runs must be 1 to {MAX_RUNS}, not {runs}")
    for job in jobs:
        if not 1 <= job.threads <= MAX_THREADS:
            raise InputError(f"threads must be 1 to {MAX_THREADS}, not {job.threads}")
    if rounds < 1:
        raise InputError(f"rounds must be 1 or more, not {rounds}")
    rounds = min(rounds, runs)
    shares = [runs // rounds + (turn < runs % rounds) for turn in range(rounds)]
    report = on_progress or silent
    children: list[_Child] = []
    try:
        # One after the other, so that no load time counts another's.
        for index, job in enumerate(jobs):
            children.append(_Child(job))
            children[-1].load()
            report("load", index + 1, len(jobs))
        for turn, share in enumerate(shares):
            for index, child in enumerate(children):
                if not child.emulates:
                    child.take_turn(share)
                elif turn == 0:
                    child.take_turn(1)
                report("run", turn * len(jobs) + index + 1, rounds * len(jobs))
    finally:
        for child in children:
            child.end()
    return tuple(child.measurement() for child in children)


class _Child:
    """One measuring process and what it has answered."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.emulates = RUNTIMES.find(job.runtime).emulates
        self._loaded: Loaded | None = None
        self._seconds: list[float] = []
        self._peak_bytes = 0
        self._failure: str | None = None
        environment = {**os.environ, "OMP_NUM_THREADS": str(job.threads)}
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "edge_sdk.emulate.bench.measure", json.dumps(asdict(job))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def load(self) -> None:
        self._loaded = self._answer(Loaded, "loading")

    def take_turn(self, runs: int) -> None:
        if self._failure is not None:
            return
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{runs}\n")
            self._process.stdin.flush()
        except OSError:
            self._fail_by_exit("running")
            return
        turn = self._answer(Turn, "running")
        if turn is not None:
            self._seconds += turn.seconds
            self._peak_bytes = max(self._peak_bytes, turn.peak_bytes)

    def end(self) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def measurement(self) -> Measurement:
        loaded = self._loaded
        if self._failure is not None or loaded is None:
            return Measurement(self._job, failure=self._failure)
        timed = not self.emulates
        low, median, high = _quartiles(self._seconds) if timed else (math.nan,) * 3
        return Measurement(
            self._job,
            version=loaded.version,
            precision=loaded.precision,
            delegation=loaded.delegation,
            median_s=median,
            low_s=low,
            high_s=high,
            runs=len(self._seconds),
            load_s=loaded.load_s if timed else math.nan,
            peak_bytes=self._peak_bytes,
            inputs=loaded.inputs,
        )

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _answer(self, kind: type[Answer], activity: str) -> Answer | None:
        try:
            line = self._lines.get(timeout=TIMEOUT_S)
        except queue.Empty:
            self._process.kill()
            self._failure = (
                f"no answer for {TIMEOUT_S:.0f} s while {activity}; its process was ended"
            )
            return None
        if not line:
            self._fail_by_exit(activity)
            return None
        with suppress(InputError):
            self._failure = " ".join(from_json(Failure, line).error.split())
            return None
        return from_json(kind, line)

    def _fail_by_exit(self, activity: str) -> None:
        status = self._process.wait()
        cause = signal.Signals(-status).name if status < 0 else f"status {status}"
        self._failure = f"its process ended by {cause} while {activity}; the file may be damaged"


def _quartiles(seconds: list[float]) -> tuple[float, float, float]:
    if len(seconds) == 1:
        return (seconds[0],) * 3
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return low, median, high
