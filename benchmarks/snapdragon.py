"""Shipped models compiled for Snapdragons: what their HTP takes, and what its emulator computes.

    python benchmarks/snapdragon.py --table docs/measurements/snapdragon.md

Every file runs in Qualcomm's own HTP emulator and, in int8, in LiteRT's CPU kernels, on photographs
that scikit-image ships, none of which chose an int8 range. No phone is measured here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edge_sdk import burst_network
from edge_sdk.bundle.generator import drawn
from edge_sdk.bundle.golden import signal_over_noise_db
from edge_sdk.bundle.stage_inputs import stage_groups
from edge_sdk.burst.converted.graphs import stage_graphs
from edge_sdk.data.probes.pictures import probe_pictures
from edge_sdk.deploy.preparation import prepare
from edge_sdk.emulate.parity.agreement import artifact_results, run_torch
from edge_sdk.emulate.parity.differences import Results, differences
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.exported import as_inputs
from edge_sdk.models.spec import Task
from edge_sdk.targets import find_converter, for_soc
from edge_sdk.zoo.catalogue import load_int8, model_names
from edge_sdk.zoo.loading import LoadedModel, load_any
from pages import head, page_parser, publish, row

CHIPS = ("SM8550", "SM8650", "SM8750")
SIDE_PX = 64
Array = NDArray[np.float32]
STAGES_WORDS = (
    "## The stages of burst zoom",
    "",
    "For SM8650 in fp16, as large as they are written, on the inputs of the golden vectors of a",
    "bundle, against PyTorch in float32: the mean square of what differs to the square of the",
    "largest value, and to the mean square of all values. The last column is the latter of PyTorch",
    "in float32 where only the input was rounded to half precision: no file can have more whose",
    "input is held so. `score`, `surround` and `expand` are differences of near values.",
)
HEADER = head(
    "model",
    "precision",
    "chip",
    "operators on the NPU",
    "made in CPU-s",
    "KiB",
    "against LiteRT's CPU",
    "steps at most",
    "against float32",
    "LiteRT's CPU against float32",
)


STAGES_HEADER = head(
    "stage",
    "operators on the NPU",
    "made in CPU-s",
    "KiB",
    "of the largest value",
    "signal over noise",
    "that of the rounded input",
)


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended: no other load counts."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("models", nargs="*", help="shipped models [all single networks]")
    arguments = parser.parse_args()
    lines = [HEADER]
    for name in arguments.models or model_names():
        loaded = load_any(name)
        if loaded.spec is None or loaded.spec.task is Task.BURST_ZOOM:
            continue
        for precision in ("int8", "fp16"):
            if precision == "int8" and load_int8(name) is None:
                continue
            for line in _rows(loaded, precision):
                print(line, flush=True)
                lines.append(line)
    if not arguments.models:
        lines += ["", *STAGES_WORDS, "", STAGES_HEADER]
        for line in _stage_rows():
            print(line, flush=True)
            lines.append(line)
    if arguments.table:
        publish(_page(lines), arguments.table)


def _rows(loaded: LoadedModel, precision: str) -> Iterator[str]:
    example = loaded.resized(SIDE_PX, SIDE_PX).single_example
    prepared = prepare(loaded, example, precision)
    probes = probe_pictures((example,), loaded.picture_spec, None).tensors
    inputs = [as_inputs(probe) for probe in probes]
    truth = run_torch(loaded.network, inputs)
    clip = precision == "int8"
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.tflite"
        same = "int8" if precision == "int8" else "fp32"
        find_converter("tflite").convert(prepared.model, example, plain, same)
        on_cpu = artifact_results(open_artifact(plain), inputs, plain)
        step = next(iter(open_artifact(plain).steps.values()), (0.0, 0))[0]
        for chip in CHIPS:
            path = Path(folder) / f"{chip}.tflite"
            begin = cpu_seconds()
            converter = for_soc(find_converter("snapdragon"), chip)
            report = converter.convert(prepared.model, example, path, precision)
            seconds = cpu_seconds() - begin
            on_npu = artifact_results(open_artifact(path), inputs, path)
            total, left = sum(report.operators.values()), len(report.undelegated)
            yield row(
                loaded.name,
                precision,
                chip,
                f"{total - left} of {total}",
                f"{seconds:.1f}",
                f"{report.size_bytes / 1024:.0f}",
                f"{_db(on_cpu, on_npu, clip=False)} dB",
                f"{_largest(on_cpu, on_npu) / step:.0f}" if step else "—",
                f"{_db(truth, on_npu, clip=clip)} dB",
                f"{_db(truth, on_cpu, clip=clip)} dB",
            )


def _stage_rows() -> Iterator[str]:
    """The stages of burst zoom in half precision, on the inputs of golden vectors."""
    network = burst_network("burst_zoom_x2", 2)
    converter = find_converter("snapdragon")
    for stage, graph in stage_graphs(network.spec, network).items():
        values = drawn(stage_groups(stage, graph.shape), *graph.shape[-2:])
        picture = torch.from_numpy(values)
        rounded = picture.half().float()
        with torch.inference_mode():
            truth, best = (graph.module(x).numpy() for x in (picture, rounded))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stage.tflite"
            begin = cpu_seconds()
            report = converter.convert(graph.module_for("fp16"), picture, path, "fp16")
            seconds = cpu_seconds() - begin
            (found,) = open_artifact(path).run({"input": values}).values()
        total, left = sum(report.operators.values()), len(report.undelegated)
        of_largest = 10 * np.log10(np.square(truth).max() / np.square(found - truth).mean())
        yield row(
            stage,
            f"{total - left} of {total}",
            f"{seconds:.1f}",
            f"{report.size_bytes / 1024:.0f}",
            f"{of_largest:.1f} dB",
            f"{_snr_db(truth, found):.1f} dB",
            f"{_snr_db(truth, best):.1f} dB",
        )


def _snr_db(expected: Array, found: Array) -> float:
    return signal_over_noise_db(found.reshape(-1), expected.reshape(-1).tolist())


def _db(expected: Results, found: Results, *, clip: bool) -> str:
    return f"{differences(expected, found, (1.0,), clip=clip).psnr_db:.2f}"


def _largest(one: Results, other: Results) -> float:
    """Largest difference of any output for any probe."""
    pairs = (zip(*each, strict=True) for each in zip(one, other, strict=True))
    return max(float(np.abs(a - b).max()) for pair in pairs for a, b in pair)


def _page(lines: list[str]) -> str:
    return "\n".join(
        (
            "# Shipped models on Snapdragons, in Qualcomm's emulator",
            "",
            f"Inputs of {SIDE_PX}×{SIDE_PX}, twelve cuts of photographs of scikit-image, PSNR",
            "with peak 1. The compiler and the emulator are Qualcomm's own, from the package",
            "onnxruntime-qnn; nothing here was compared with a phone, and an emulator has no",
            "speed. `made in CPU-s` is the whole conversion on a slow desk, TensorFlow's part",
            "included: about the seconds it takes where nothing else runs.",
            "`against LiteRT's CPU` is the same codes, or for fp16 the float32 file, in LiteRT's",
            "CPU kernels.",
            "",
            *lines,
            "",
            "Written by `python benchmarks/snapdragon.py --table docs/measurements/snapdragon.md`.",
            "",
        )
    )


if __name__ == "__main__":
    main()
