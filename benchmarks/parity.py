"""The parity table: every shipped model, target and precision against the float32 model.

    python benchmarks/parity.py --table docs/measurements/parity.md

Agreement is measured on photographs that scikit-image ships, none of which chose an int8 range.
With EDGE_SDK_DATA=DIR, PSNR on a test set in it is added (Y on sr_bench/Set5; kodak24 with noise of
σ = 25 for denoising, degraded by ``document`` for restoration), and rows in int8 of the float
weights, by ranges from train/cc0_photos.

``--only recognition`` makes the table of the network that tells classes apart again, and leaves the
others of the page.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from edge_sdk.data.probes.calibration import read_calibration
from edge_sdk.data.probes.pictures import probe_pictures
from edge_sdk.deploy.parity import check_parity
from edge_sdk.deploy.preparation import INT8, prepare
from edge_sdk.emulate.parity.chain import parity_chain
from edge_sdk.emulate.parity.gates import OWN_FUNCTION_DB
from edge_sdk.emulate.parity.rows import Artifact, ParityRow, Step
from edge_sdk.evaluation import ArtifactMethod, Degradation, Method, ModelMethod, evaluate
from edge_sdk.models import PictureSpec
from edge_sdk.models.spec import Task
from edge_sdk.quantization import apply_scheme, meet_budget
from edge_sdk.targets import LoweringReport, converter_names, find_converter, runs_here
from edge_sdk.zoo.catalogue import load_int8, model_names
from edge_sdk.zoo.loading import LoadedModel, load_any
from pages import head, page_parser, publish, publish_between_marks, row
from recognition_parity import section

WINDOW_PX = 96
SMALL_WINDOW_PX = 56
"""Of ×4 models, whose test pictures are as small as 57 px."""
CUT = (64, 64)
"""Size of the pictures that ranges and operators in float are chosen by."""
BUDGET_DB = 54.0
ROOT = os.environ.get("EDGE_SDK_DATA")
AGREEMENT = ("against float32", "worst picture", "own float form", "against torch's codes", "gate")
HEADER = head("model", "target", "precision", "size", *AGREEMENT, "test set", "graph")


def main() -> None:
    parser = page_parser(__doc__, "Markdown file to write")
    parser.add_argument("models", nargs="*", help="shipped models [all]")
    parser.add_argument("--only", choices=["recognition"], help="replace this table of the page")
    arguments = parser.parse_args()
    if arguments.only:
        text, passed = section()
        publish_between_marks("\n".join(text[1:-1]), arguments.table)
        raise SystemExit(0 if passed else 1)
    lines = [HEADER]
    passed = True
    for name in arguments.models or model_names():
        loaded = load_any(name)
        # Those that make no pictures have a section of their own.
        if not isinstance(loaded.spec, PictureSpec) or loaded.spec.task is Task.BURST_ZOOM:
            continue
        lines.append(_float_row(loaded))
        print(lines[-1])
        for target in converter_names():
            for precision in find_converter(target).precisions:
                if precision in INT8 and load_int8(name) is None:
                    continue
                line, good = _row(loaded, target, precision)
                passed = passed and good
                print(line)
                lines.append(line)
        if ROOT is not None and load_int8(name) is not None:
            photos = Path(ROOT) / "train" / "cc0_photos"
            for line, good in (_row(loaded, "tflite", "int8", photos), _mixed_row(loaded, photos)):
                passed = passed and good
                print(line)
                lines.append(line)
    if arguments.table:
        classes, good = section()
        passed = passed and good
        publish(_page(lines, classes), arguments.table)
    if not passed:
        raise SystemExit(1)


def _row(
    loaded: LoadedModel, target: str, precision: str, calibration: Path | None = None
) -> tuple[str, bool]:
    converter = find_converter(target)
    example = loaded.resized(*_window(loaded)).single_example
    prepared = prepare(loaded, example, precision, calibration)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{loaded.name}{converter.suffix}"
        report = converter.convert(prepared.model, example, path, precision)
        if not runs_here(converter):
            cells = ("—", "—", "—", "—", "not run here", "—")
            return _line(loaded.name, target, report, cells), _is_whole(report)
        found = check_parity(loaded, [path], None, Path(folder), calibration=calibration)
        proved = found.rows[-1]
        assert loaded.spec is not None
        scored = _on_test_set(ArtifactMethod(path, loaded.spec))
    name = loaded.name if calibration is None else f"{loaded.name}, ranges alone"
    return _line(name, target, report, _cells(proved, scored)), proved.passed and _is_whole(report)


def _window(loaded: LoadedModel) -> tuple[int, int]:
    assert loaded.spec is not None
    side = SMALL_WINDOW_PX if loaded.spec.scale == 4 else WINDOW_PX
    return (side, side)


def _mixed_row(loaded: LoadedModel, photos: Path) -> tuple[str, bool]:
    """The shipped int8 weights with as many operators in float as the budget asks for."""
    shipped, spec = load_int8(loaded.name), loaded.spec
    assert shipped is not None, f"{loaded.name} has no int8 form"
    assert shipped.scheme is not None
    assert spec is not None
    small, example = (loaded.resized(*side).single_example for side in (CUT, _window(loaded)))
    cuts = read_calibration(photos, small, spec)
    graph = apply_scheme(shipped.model, small, shipped.scheme).graph
    # What codes cost, not the other activation that the int8 form may have.
    scheme = meet_budget(graph, shipped.scheme, cuts.held_out, BUDGET_DB, reference=shipped.model)
    made = apply_scheme(shipped.model, example, scheme).model
    converter = find_converter("executorch")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{loaded.name}{converter.suffix}"
        report = converter.convert(made, example, path, "int8")
        own = prepare(loaded, example, "int8").float_form
        steps, probes = [Step("quantized", "int8", made, own)], probe_pictures(example, spec, None)
        proved = parity_chain(loaded.network, steps, [Artifact(path)], probes.tensors)[-1]
        scored = _on_test_set(ArtifactMethod(path, spec))
    name = f"{loaded.name}, {len(scheme.float_layers)} operators in float"
    line = _line(name, "executorch", report, _cells(proved, scored))
    return line, proved.passed and _is_whole(report)


def _cells(proved: ParityRow, scored: str) -> tuple[str, ...]:
    verdict = f"≥ {proved.gate_db:.0f} {'passed' if proved.passed else 'MISSED'}"
    figures = (proved.psnr_db, proved.worst_db, proved.own_db, proved.truth_db)
    return (*map(_db, figures), verdict, scored)


def _line(model: str, target: str, report: LoweringReport, cells: tuple[str, ...]) -> str:
    size = f"{report.size_bytes / 1024:.0f} KiB"
    graph = []
    if report.partitions is not None:
        left = len(report.undelegated)
        graph.append(f"{report.partitions} partition, {left} left")
    if report.transposes is not None:
        graph.append(f"{report.transposes} TRANSPOSE")
    if report.precision.startswith("int8") and report.float_operators is not None:
        graph.append(f"{report.float_operators} float operators")
    entries = (model, target, report.precision, size, *cells, ", ".join(graph) or "—")
    return row(*entries)


def _is_whole(report: LoweringReport) -> bool:
    integer = report.float_operators == 0 or not report.precision.startswith("int8")
    return (
        report.partitions in (None, 1)
        and not report.undelegated
        and not report.transposes
        and (integer or report.float_operators is None)
    )


def _float_row(loaded: LoadedModel) -> str:
    assert loaded.spec is not None
    scored = _on_test_set(ModelMethod(loaded.network, loaded.spec, loaded.name))
    return row(loaded.name, "PyTorch", "fp32", *("—",) * 6, scored, "—")


def _on_test_set(method: Method) -> str:
    spec: PictureSpec = method.spec
    if ROOT is None:
        return "—"
    if spec.task is Task.RESTORATION:
        done = Degradation(recipe="document")
    else:
        done = Degradation(spec.scale, 25.0 if spec.task is Task.DENOISING else 0.0)
    folder = Path(ROOT) / ("kodak24" if done.scale == 1 else "sr_bench/Set5")
    _, ours = evaluate([method], [folder], done)
    return f"{ours.folders[0].psnr_db:.2f}"


def _db(value: float | None) -> str:
    if value is None:
        return "—"
    return "exact" if value == float("inf") else f"{value:.1f}"


def _page(lines: list[str], classes: list[str]) -> str:
    return "\n".join(
        (
            "# Parity of the shipped models",
            "",
            "Every shipped model through every target and precision, each file run in its desktop",
            "runtime and compared with the float32 model as it was trained: PSNR in dB, peak 1, on",
            f"twelve cuts of {WINDOW_PX}×{WINDOW_PX} px ({SMALL_WINDOW_PX} for ×4) of four",
            "photographs of scikit-image (and, for fp32 and fp16, on noise, a ramp and edges). No",
            "picture that chose an int8 range",
            "is among them; a denoising model gets them with noise. The int8 weights that ship",
            "were trained for their codes; *ranges alone* stands for the float weights in int8,",
            "with ranges from the CC0 photographs; *in float* for the most expensive operators",
            f"left so, until {BUDGET_DB} dB are met on those by the codes. `test set` is PSNR of Y",
            "on Set5, or of red, green and blue on Kodak24, with noise of σ = 25 for denoising and",
            "degraded by `document` for restoration.",
            "",
            "Int8 forms of leaky networks have ReLUs and are functions of their own. What int8",
            "does to such a one shows against its *own float form*, which its gate is about",
            f"(against float32 it must keep {OWN_FUNCTION_DB:.0f} dB); what the other function",
            "costs shows on the test set.",
            "",
            "`against torch's codes` compares int8 and w8 files with the PyTorch graph that holds",
            "the same codes: what is left there is the runtime's own rounding. Core ML files",
            "run in our interpreter: it proves graph, weights, layout and dtypes, not kernels.",
            "Files of executorch-vulkan and executorch-coreml are made but not run here. The",
            "stages of `burst_zoom_x2` have [a page of their own](burst-runtimes.md).",
            "",
            *lines,
            "",
            *classes,
            "",
            "Written by `python benchmarks/parity.py --table docs/measurements/parity.md` (with",
            "`EDGE_SDK_DATA` for the column of the test set). Rounding the output",
            "to 8 bits alone gives 58.9 dB.",
            "",
        )
    )


if __name__ == "__main__":
    main()
