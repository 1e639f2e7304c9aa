"""What runs where: shipped models and burst stages in every target, and how each was checked.

    python benchmarks/what_runs_where.py --table docs/measurements/what-runs-where.md

Every file is converted, run in the strongest thing that runs it here, and held to PyTorch; those of
LiteRT and ExecuTorch on an emulated ARM core as well, if that is set up.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from edge_sdk.burst.converted.graphs import StageGraph, stage_graphs
from edge_sdk.deploy.conversion import convert
from edge_sdk.deploy.other_cpus import check_cpu, check_cpus
from edge_sdk.deploy.preparation import INT8, prepare
from edge_sdk.deploy.self_check import SelfCheck, self_check
from edge_sdk.emulate.arm64.running import ARM_BUILDS
from edge_sdk.emulate.runtimes.evidence import Evidence
from edge_sdk.emulate.runtimes.names import RUNTIMES, runtimes_for
from edge_sdk.errors import EdgeSdkError, MissingExtraError
from edge_sdk.models.spec import Task
from edge_sdk.targets import LoweringReport, converter_names, find_converter, runs_here
from edge_sdk.zoo.catalogue import load_int8, model_names
from edge_sdk.zoo.loading import load_any
from pages import head, page_parser, publish, row

SIDE_PX = 64
BURSTS = "burst_zoom_x2"
COLUMNS = ("what", "target", "precision", "left to the CPU", "dB to PyTorch", "on an ARM core")


@dataclass(frozen=True)
class Line:
    """One file.

    Attributes:
        evidence: what kind of thing ran it; ``None`` where there is no file.
        cells: of its row.
    """

    evidence: Evidence | None
    cells: tuple[str, ...]


def main() -> None:
    parser = page_parser(__doc__, "Markdown file to write")
    parser.add_argument("models", nargs="*", help="shipped models [all]")
    arguments = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models or model_names():
            spec = load_any(name).spec
            bursts = spec is not None and spec.task is Task.BURST_ZOOM
            if bursts and name != BURSTS:
                continue
            for line in (stages if bursts else networks)(name, Path(folder)):
                print(row(str(line.evidence or "refused"), *line.cells), flush=True)
                lines.append(line)
    if arguments.table:
        publish(page(lines), arguments.table)


def networks(name: str, folder: Path) -> Iterator[Line]:
    """A network by itself, in every target and precision."""
    for target in converter_names():
        converter = find_converter(target)
        for precision in converter.precisions:
            if precision in INT8 and load_int8(name) is None:
                continue
            path = folder / f"{name}-{target}-{precision}{converter.suffix}"
            try:
                made = convert(name, target, path, precision, size=(SIDE_PX, SIDE_PX))
            except EdgeSdkError as error:
                why = str(error).replace(f"{path.parent}/", "")
                yield Line(None, (name, target, precision, "—", why, "—"))
                continue
            yield line(name, target, precision, made.report, made.check, path)


def stages(name: str, folder: Path) -> Iterator[Line]:
    """The stages of burst zoom; one with a network in every precision that has codes or halves."""
    loaded = load_any(name).resized(SIDE_PX, SIDE_PX)
    spec = loaded.picture_spec
    assert spec is not None
    for target in converter_names():
        converter = find_converter(target)
        for precision in converter.precisions:
            prepared = prepare(loaded, loaded.single_example, precision)
            for stage, graph in stage_graphs(spec, prepared.model).items():
                if stage != "decode" and precision not in ("fp32", "fp16"):
                    continue
                path = folder / f"{stage}-{target}-{precision}{converter.suffix}"
                yield _stage(stage, target, precision, graph, path)


def _stage(stage: str, target: str, precision: str, graph: StageGraph, path: Path) -> Line:
    converter = find_converter(target)
    example = torch.rand(graph.shape, generator=torch.Generator().manual_seed(0))
    try:
        report = converter.convert(graph.module_for(precision), example, path, precision)
        check = self_check(graph.module, example, path, precision, converter)
    except EdgeSdkError as error:
        why = str(error).replace(f"{path.parent}/", "")
        return Line(None, (stage, target, precision, "—", why, "—"))
    return line(stage, target, precision, report, check, path)


def line(
    what: str, target: str, precision: str, report: LoweringReport, check: SelfCheck, path: Path
) -> Line:
    """What became of a file."""
    converter = find_converter(target)
    ran = runs_here(converter) and check.psnr_db is not None
    left = ", ".join(dict.fromkeys(report.undelegated)) or "nothing"
    if report.partitions is None:
        left = "—"
    agreed = "not run"
    if check.psnr_db is not None:
        agreed = "equal" if math.isinf(check.psnr_db) else f"{check.psnr_db:.1f}"
    evidence = RUNTIMES.find(runtimes_for(path)[0]).evidence if ran else Evidence.COMPILED
    return Line(evidence, (what, target, precision, left, agreed, _on_arm(path, precision)))


def _on_arm(path: Path, precision: str) -> str:
    from edge_sdk.emulate.runtimes.opening import open_artifact

    if runtimes_for(path)[0] not in ARM_BUILDS:
        return "—"
    try:
        check_cpu("arm64")
    except MissingExtraError:
        return "not set up"
    try:
        shapes = open_artifact(path).input_shapes.values()
        generator = torch.Generator().manual_seed(1)
        probe = tuple(torch.rand(shape, generator=generator) for shape in shapes)
        (found,) = check_cpus([(path, precision)], [probe], "arm64")
    except EdgeSdkError as error:
        return str(error).replace(f"{path.parent}/", "")
    agreed = "every number equal" if found.equal == 1 else f"{found.psnr_db:.0f} dB to this one"
    return agreed if found.passed else f"{agreed} MISSED"


def page(lines: list[Line]) -> str:
    parts = []
    for evidence in (*Evidence, None):
        found = [each for each in lines if each.evidence is evidence]
        if found:
            rows = (row(*each.cells) for each in found)
            title = "refused, with the reason" if evidence is None else evidence.value
            title = title[0].upper() + title[1:]
            parts.append(f"## {title}\n\n{head(*COLUMNS)}\n" + "\n".join(rows))
    return f"""# What runs where

Every shipped model at {SIDE_PX}×{SIDE_PX} px, and the stages of burst zoom, in every target and
precision, by the strongest evidence that a desk has; nothing here is a phone. `dB to PyTorch` is on
the example and on noise and edges, against what the converter was given: the fused model, or its
graph with int8 codes. `On an ARM core` compares the runtime's own ARM build, in QEMU, with the same
file on this processor. "—" stands where a target has no such thing.

{chr(10).join(chr(10) + part for part in parts).strip()}

Written by `python benchmarks/what_runs_where.py --table docs/measurements/what-runs-where.md`.
"""


if __name__ == "__main__":
    main()
