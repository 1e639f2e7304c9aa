"""Graphs written to files: the targets of a bundle side by side, each further one in a process.

Converters are bound to one core each, by the work that Python does in them: two targets take as
long as the longer of them where there are two cores.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.fx import GraphModule

from edge_sdk.burst.converted.graphs import StageGraph
from edge_sdk.errors import ConversionError, EdgeSdkError
from edge_sdk.progress import Progress
from edge_sdk.targets import LoweringReport, find_converter

FEWEST = 4
"""Graphs that are worth the start of a process."""
_POLL_S = 0.2
_MODULE = "edge_sdk.bundle.graph_files"


@dataclass(frozen=True, eq=False)
class GraphFile:
    """A graph and the file that it is to become.

    Attributes:
        target: name of the converter.
        precision: one of the target's.
        graph: what is converted.
        path: where it is written.
    """

    target: str
    precision: str
    graph: StageGraph
    path: Path


def write_graphs(files: Sequence[GraphFile], report: Progress) -> list[LoweringReport]:
    """Convert graphs, each to its file.

    Args:
        files: in any order of targets.
        report: told how many are done.

    Returns:
        What each converter says, in the order of the files.

    Raises:
        ConversionError: if a graph cannot be lowered.
        MissingExtraError: if a target's package is not installed.
        OutputError: if a file cannot be written.
    """
    report("pack", 0, len(files))
    sent = _sent(files)
    elsewhere = {index for part in sent for index in part}
    made: dict[int, LoweringReport] = {}
    with ExitStack() as stack:
        children = [
            (part, stack.enter_context(_Child(files[min(part)].target, list(part.values()))))
            for part in sent
        ]
        for index, file in enumerate(files):
            if index not in elsewhere:
                made[index] = _written(file)
                report("pack", _done(files), len(files))
        for part, child in children:
            while child.is_running():
                report("pack", _done(files), len(files))
                time.sleep(_POLL_S)
            made |= zip(part, child.reports(), strict=True)
    report("pack", len(files), len(files))
    return [made[index] for index in range(len(files))]


def _sent(files: Sequence[GraphFile]) -> list[dict[int, bytes]]:
    """What goes to each further process: graphs by their place among the files, pickled."""
    if (os.cpu_count() or 1) < 2:
        return []
    groups: dict[str, list[int]] = {}
    for index, file in enumerate(files):
        groups.setdefault(file.target, []).append(index)
    further = [group for group in groups.values() if len(group) >= FEWEST][1:]
    sent = (
        {index: data for index in group if (data := _pickled(files[index])) is not None}
        for group in further
    )
    return [part for part in sent if part]


def _written(file: GraphFile) -> LoweringReport:
    example = torch.rand(file.graph.shape, generator=torch.Generator().manual_seed(0))
    converter = find_converter(file.target)
    return converter.convert(file.graph.module, example, file.path, file.precision)


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


class _Child:
    """A process that converts some graphs; ended with the block."""

    def __init__(self, target: str, files: Sequence[bytes]) -> None:
        self._target = target
        self._files = files
        self._stack = ExitStack()

    def __enter__(self) -> _Child:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        asked, self._answer, self._messages = (
            folder / name for name in ("files", "reports", "messages")
        )
        asked.write_bytes(pickle.dumps(self._files))
        with self._messages.open("wb") as messages:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", _MODULE, str(asked), str(self._answer)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running():
            self._process.kill()
        self._process.wait()
        self._stack.close()

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def reports(self) -> list[LoweringReport]:
        """What the converter said of each graph.

        Raises:
            EdgeSdkError: what stopped it.
        """
        if not self._answer.is_file():
            said = self._messages.read_text(errors="replace").strip().splitlines()
            why = said[-1] if said and self._process.returncode > 0 else "memory may be short"
            raise ConversionError(
                f"{self._target}: the converter's process ended with "
                f"{self._process.returncode} ({why}); pack one target at a time"
            )
        answer: list[LoweringReport] | EdgeSdkError = pickle.loads(self._answer.read_bytes())  # noqa: S301 - our own child's
        if isinstance(answer, EdgeSdkError):
            raise answer
        return answer


def main(asked: Path, answer: Path) -> None:
    """Convert what a file lists, and write what the converter says or what stopped it."""
    sent: list[bytes] = pickle.loads(asked.read_bytes())  # noqa: S301 - our own parent's
    found: list[LoweringReport] | EdgeSdkError
    try:
        found = [_written(pickle.loads(each)) for each in sent]  # noqa: S301 - as before
    except EdgeSdkError as error:
        found = error
    answer.write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    # By its own name: what is pickled here belongs to the module, not to a program.
    from edge_sdk.bundle import graph_files

    graph_files.main(Path(sys.argv[1]), Path(sys.argv[2]))
