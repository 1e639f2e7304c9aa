"""Graphs written to files, side by side in processes where there are many and cores for them.

Converters are bound to one core each, by the work that Python does in them. Each process takes the
next graph that none has taken, so that all end at about the same time, whatever a graph costs.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from torch.fx import GraphModule

from edge_sdk.artifacts import coreml
from edge_sdk.burst.converted.graphs import StageGraph
from edge_sdk.errors import ConversionError, EdgeSdkError
from edge_sdk.progress import Progress
from edge_sdk.targets import LoweringReport, find_converter, for_soc

FEWEST = 4
"""Graphs that are worth the start of a process."""
MOST = 4
"""Processes at once, this one included: each holds the packages of a target, about 1 GB."""
_POLL_S = 0.2
_END_S = 5.0
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "from edge_sdk.bundle import graph_files; graph_files.main(*sys.argv[1:])"
)
"""What a process runs: it finds modules where this one does, and nowhere before."""


@dataclass(frozen=True, eq=False)
class GraphFile:
    """A graph and the file that it is to become.

    Attributes:
        target: name of the converter.
        precision: one of the target's.
        graph: what is converted.
        path: where it is written.
        soc: chip that it is compiled for, if the target compiles for one; ``None`` for its usual.
    """

    target: str
    precision: str
    graph: StageGraph
    path: Path
    soc: str | None = None


def write_graphs(files: Sequence[GraphFile], report: Progress) -> list[LoweringReport]:
    """Convert graphs, each to its file.

    Args:
        files: in any order; those of one target are best side by side.
        report: told how many are done.

    Returns:
        What each converter says, in the order of the files.

    Raises:
        ConversionError: if a graph cannot be lowered.
        MissingExtraError: if a target's package is not installed.
        OutputError: if a file cannot be written.
    """
    report("pack", 0, len(files))
    made: dict[int, LoweringReport] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        shared = _Shared(Path(folder), len(files))
        own = [index for index, file in enumerate(files) if not shared.offer(index, file)]
        others = len(files) - len(own)
        workers = [
            stack.enter_context(_Worker(shared, number))
            for number in range(min(os.cpu_count() or 1, MOST, others // FEWEST) - 1)
        ]
        for index in chain(own, shared.taken()):
            made[index] = _written(files[index])
            _refuse_failed(shared, workers)
            report("pack", _done(files), len(files))
        while any(worker.is_running() for worker in workers):
            _refuse_failed(shared, workers)
            report("pack", _done(files), len(files))
            time.sleep(_POLL_S)
        _refuse_failed(shared, workers)
        made |= {index: shared.answer(index) for index in range(len(files)) if index not in made}
    report("pack", len(files), len(files))
    return [made[index] for index in range(len(files))]


def _written(file: GraphFile) -> LoweringReport:
    example = torch.rand(file.graph.shape, generator=torch.Generator().manual_seed(0))
    converter = for_soc(find_converter(file.target), file.soc)
    return converter.convert(
        file.graph.module_for(file.precision), example, file.path, file.precision
    )


def _pickled(file: GraphFile) -> bytes | None:
    """A graph as it is sent; ``None`` for one that another process could not read.

    Traced ones, such as those with codes, lose their sources.
    """
    for each in file.graph.module.modules():
        if isinstance(each, GraphModule) or type(each).__module__ == "__main__":
            return None
    try:
        return pickle.dumps(file)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


def _done(files: Iterable[GraphFile]) -> int:
    """Files appear whole, whichever process writes them."""
    return sum(file.path.exists() for file in files)


class _Shared:
    """A folder of graphs that processes take from: each is renamed by the one that takes it."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.count = count

    def offer(self, index: int, file: GraphFile) -> bool:
        """Lay a graph there; ``False`` for one that cannot be sent."""
        data = _pickled(file)
        if data is not None:
            self._place("offered", index).write_bytes(data)
        return data is not None

    def taken(self, *, from_the_end: bool = False) -> Iterator[int]:
        """Take one after the other, as long as there are any.

        From both ends two processes load few packages, since the files of a target are neighbors.
        """
        for place in range(self.count):
            index = self.count - 1 - place if from_the_end else place
            try:
                self._place("offered", index).rename(self._place("taken", index))
            except FileNotFoundError:
                continue
            yield index

    def read(self, index: int) -> GraphFile:
        """A graph that was taken."""
        file: GraphFile = pickle.loads(self._place("taken", index).read_bytes())  # noqa: S301 - our own parent's
        return file

    def tell(self, index: int, answer: LoweringReport | EdgeSdkError) -> None:
        """Keep what a converter says, or what stopped it; whole or not at all."""
        begun = self._place("begun", index)
        begun.write_bytes(pickle.dumps(answer))
        begun.rename(self._place("answer", index))

    def answer(self, index: int) -> LoweringReport:
        """What a converter said.

        Raises:
            EdgeSdkError: what stopped it.
        """
        answer: LoweringReport | EdgeSdkError = pickle.loads(  # noqa: S301 - our own child's
            self._place("answer", index).read_bytes()
        )
        if isinstance(answer, EdgeSdkError):
            raise answer
        return answer

    def answered(self) -> list[int]:
        """Graphs that were converted or refused elsewhere."""
        return [index for index in range(self.count) if self._place("answer", index).exists()]

    def _place(self, state: str, index: int) -> Path:
        return self.folder / f"{index:03}.{state}"


def _refuse_failed(shared: _Shared, workers: Sequence[_Worker]) -> None:
    """Stop where another process was stopped.

    Raises:
        EdgeSdkError: what stopped it.
    """
    for index in shared.answered():
        shared.answer(index)
    for worker in workers:
        worker.refuse_failed()


class _Worker:
    """A process that converts graphs as long as there are any; ended with the block."""

    def __init__(self, shared: _Shared, number: int) -> None:
        self._shared = shared
        self._messages = shared.folder / f"messages-{number}"

    def __enter__(self) -> _Worker:
        command = [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)]
        command += [str(self._shared.folder), str(self._shared.count), str(os.getpid())]
        with self._messages.open("wb") as messages:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                # Compilers that a converter starts end with it.
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running():
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=_END_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def refuse_failed(self) -> None:
        """Say how it ended, if not well.

        Raises:
            ConversionError: if it did.
        """
        if self.is_running() or self._process.returncode == 0:
            return
        said = self._messages.read_text(errors="replace").strip().splitlines()
        code = self._process.returncode
        if code < 0:
            raise ConversionError(
                f"a process that converts graphs was ended by signal {-code}, as for want of "
                "memory; free some memory, or pack fewer targets at a time"
            )
        raise ConversionError(
            f"a process that converts graphs failed ({said[-1] if said else 'it says nothing'}); "
            "pack one target at a time, which needs no other process"
        )


def main(folder: str, count: str, parent: str) -> None:
    """Convert what a folder offers, and write what the converters say or what stopped one."""
    coreml.use_alone()
    shared = _Shared(Path(folder), int(count))
    for index in shared.taken(from_the_end=True):
        if os.getppid() != int(parent):
            # Nobody waits any more, or clears up.
            shutil.rmtree(folder, ignore_errors=True)
            return
        try:
            shared.tell(index, _written(shared.read(index)))
        except EdgeSdkError as error:
            shared.tell(index, error)
            return
