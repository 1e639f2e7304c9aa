"""Graphs of several targets are written side by side, and what stops a process is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from torch import nn

from edge_sdk.bundle.graph_files import FEWEST, GraphFile, write_graphs
from edge_sdk.burst.converted.graphs import StageGraph
from edge_sdk.errors import ConversionError
from edge_sdk.progress import silent
from edge_sdk.targets import find_converter
from tests.needs import needs

pytestmark = [pytest.mark.slow, needs("coreml"), needs("executorch")]


def files(target: str, module: nn.Module, folder: Path) -> list[GraphFile]:
    graph, suffix = StageGraph(module.eval(), (1, 2, 8, 8)), find_converter(target).suffix
    return [
        GraphFile(target, "fp32", graph, folder / f"{target}-{index}{suffix}")
        for index in range(FEWEST)
    ]


def test_files_of_two_targets_are_whole_and_reports_in_order(tmp_path: Path) -> None:
    first, second = (files(name, nn.ReLU(), tmp_path) for name in ("coreml", "executorch"))
    asked = [file for pair in zip(first, second, strict=True) for file in pair]
    told: list[int] = []
    reports = write_graphs(asked, lambda _, done, __: told.append(done))
    assert [report.target for report in reports] == ["coreml", "executorch"] * FEWEST
    assert all(file.path.exists() for file in asked)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0, len(asked))


def test_what_stops_the_other_process_is_told(tmp_path: Path) -> None:
    first = files("coreml", nn.ReLU(), tmp_path)
    refused = files("executorch", nn.FractionalMaxPool2d(2, output_size=4), tmp_path)
    with pytest.raises(ConversionError, match="fractional_max_pool2d") as caught:
        write_graphs([*first, *refused], silent)
    assert "\n" not in str(caught.value)


def test_a_process_that_ends_otherwise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_sdk.bundle.graph_files._PROGRAM", "import no_such_module")
    both = [*files("coreml", nn.ReLU(), tmp_path), *files("executorch", nn.ReLU(), tmp_path)]
    with pytest.raises(ConversionError, match=r"failed \(.*no_such_module") as caught:
        write_graphs(both, silent)
    assert "\n" not in str(caught.value)


def test_no_file_of_the_working_folder_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "elsewhere"
    trap.mkdir()
    for name in ("platform", "queue", "random"):
        (trap / f"{name}.py").write_text("raise SystemExit('a file of the working folder ran')")
    monkeypatch.chdir(trap)
    # As of a program that was started with -P, or installed.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(trap))])
    both = [*files("coreml", nn.ReLU(), tmp_path), *files("executorch", nn.ReLU(), tmp_path)]
    write_graphs(both, silent)
    assert all(file.path.exists() for file in both)
