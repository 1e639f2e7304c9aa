r"""Burst zoom in every runtime: what delegates take, how near to PyTorch it is, what int8 costs.

    EDGE_SDK_DATA=DIR python benchmarks/burst_runtimes.py \
        --table docs/measurements/burst-runtimes.md

DIR holds kodak24/; data by default. Without it the shipped example photographs stand in.
Prints a Markdown page, or writes it. Everything is seeded.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from edge_sdk import load_model
from edge_sdk.bundle.generator import ONE, Group, Layer, drawn
from edge_sdk.bundle.stage_inputs import stage_groups
from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.converted.by_name import convert_stages
from edge_sdk.burst.converted.graphs import stage_graphs
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.imaging import psnr, quantize
from edge_sdk.targets import LoweringReport, find_converter, runs_here
from edge_sdk.zoo.networks import burst_network
from pages import head, page_parser, publish, row
from photographs import kodak_or_shipped

MODEL = "burst_zoom_x2"
TARGETS = (
    ("executorch", ("fp32", "int8")),
    ("executorch-vulkan", ("fp32", "fp16")),
    ("tflite", ("fp32", "fp16", "int8")),
    ("coreml", ("fp32", "fp16", "int8")),
)
NOISE_LEVELS = (2, 8)
HALF_FRAMES = 20


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=4, help="pictures of Kodak to measure")
    parser.add_argument("--targets", nargs="+", default=[name for name, _ in TARGETS])
    arguments = parser.parse_args()
    name, pictures = kodak_or_shipped(arguments.pictures)
    pictures = pictures[: arguments.pictures]
    bursts = [
        simulate_burst(picture, CameraConfig(noise_std=noise / 255, seed=seed))
        for seed, picture in enumerate(pictures)
        for noise in NOISE_LEVELS
    ]
    network = burst_network(MODEL, 2)
    results = [zoom(burst.frames, network) for burst in bursts]
    eager = [result.pixels for result in results]
    quality = [
        psnr(quantize(result.pixels), quantize(burst.truth(result.reference)))
        for burst, result in zip(bursts, results, strict=True)
    ]
    stages, pictures_table = [], []
    with tempfile.TemporaryDirectory() as folder:
        for target, precisions in TARGETS:
            for precision in precisions:
                converter = find_converter(target)
                if precision not in converter.precisions or target not in arguments.targets:
                    continue
                place = Path(folder) / f"{target}-{precision}"
                reports = convert_stages(MODEL, target, precision, place)
                stages += [stage_row(target, stage, report) for stage, report in reports.items()]
                if runs_here(converter):
                    pictures_table.append(
                        picture_row(target, precision, StageFiles.of(place), bursts, eager, quality)
                    )
    text = "\n".join(
        [
            HEAD.format(
                count=len(pictures), name=name, bursts=len(bursts), command=command(arguments)
            ),
            head(
                *("target", "stage", "precision", "partitions"),
                *("left to the CPU", "TRANSPOSE", "KiB"),
            ),
            *dict.fromkeys(stages),
            PICTURES,
            head("target", "precision", "against PyTorch, least", "mean", "costs, dB", "largest"),
            *pictures_table,
            SUMS,
            head("sums in", "weights", "colors"),
            *half_sums(),
            READING,
            *missing(arguments.targets),
        ]
    )
    publish(text, arguments.table)


def command(arguments: argparse.Namespace) -> str:
    parts = ["python benchmarks/burst_runtimes.py", f"--pictures {arguments.pictures}"]
    if missing(arguments.targets):
        parts.append(f"--targets {' '.join(arguments.targets)}")
    return " ".join((*parts, "--table docs/measurements/burst-runtimes.md"))


def missing(chosen: list[str]) -> list[str]:
    left_out = [name for name, _ in TARGETS if name not in chosen]
    return [f"Not measured here: {', '.join(left_out)}."] if left_out else []


def half_sums() -> list[str]:
    """Twenty drawn frames through ``encode`` in half precision, summed in single and in half."""
    graph = stage_graphs(load_model(MODEL).spec, nn.Identity())["encode"]
    plain = stage_groups("encode", graph.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encode.mlpackage"
        find_converter("coreml").convert(graph.module, torch.rand(graph.shape), path, "fp16")
        runner = open_artifact(path)
        (end,) = runner.input_shapes
        exact, single = torch.zeros(1), torch.zeros(1)
        half = torch.zeros(1, dtype=torch.float16)
        for frame in range(HALF_FRAMES):
            grain, offsets = Layer(1000 + frame, 1, 0, ONE // 32), (ONE // 2, 2000 + 10 * frame)
            layers = (*plain[1].layers[:-1], grain)
            moved = Group(2, (Layer(offsets[1], 16, -offsets[0], offsets[0]),))
            packed = drawn((plain[0], Group(3, layers), moved, *plain[3:]), *graph.shape[-2:])
            exact = exact + graph.module(torch.from_numpy(packed))
            (made,) = (torch.from_numpy(x) for x in runner.run({end: packed}).values())
            single, half = single + made, half + made.half()
    return [
        row("single", *_sum_figures(single, exact)),
        row("half", *_sum_figures(half.float(), exact)),
    ]


def _sum_figures(found: Tensor, exact: Tensor) -> tuple[str, str]:
    """Signal over noise of the weights, and of sums over weights, at ×2."""
    weights = [sums[:, 12:16] for sums in (found, exact)]
    colors = [sums[:, :12] / (sums[:, 12:16].repeat(1, 3, 1, 1) + 1e-3) for sums in (found, exact)]
    figures = [
        10 * torch.log10(b.square().sum() / (a - b).square().sum()) for a, b in (weights, colors)
    ]
    return f"{float(figures[0]):.1f} dB", f"{float(figures[1]):.1f} dB"


def stage_row(target: str, stage: str, report: LoweringReport) -> str:
    partitions = "—" if report.partitions is None else str(report.partitions)
    transposes = "—" if report.transposes is None else str(report.transposes)
    left = ", ".join(report.undelegated) or "none" if report.partitions is not None else "—"
    size = f"{report.size_bytes / 1024:.0f}"
    return row(target, stage, report.precision, partitions, left, transposes, size)


def picture_row(
    target: str,
    precision: str,
    stages: StageFiles,
    bursts: list[SimulatedBurst],
    eager: list[Tensor],
    quality: list[float],
) -> str:
    near, cost = [], []
    for burst, expected, before in zip(bursts, eager, quality, strict=True):
        result = zoom(burst.frames, stages, ZoomConfig())
        near.append(psnr(result.pixels, expected))
        truth = quantize(burst.truth(result.reference))
        cost.append(before - psnr(quantize(result.pixels), truth))
    cells = (f"{min(near):.1f} dB", f"{statistics.mean(near):.1f} dB")
    return row(target, precision, *cells, f"{statistics.mean(cost):.3f}", f"{max(cost):.3f}")


HEAD = """# Burst zoom in every runtime

Stages of `burst_zoom_x2`, converted and run by the driver of [driver.md](../reference/driver.md)
on {bursts} simulated bursts of {count} {name} pictures (ten frames, noise 2/255 and 8/255).
`{command}` makes this page again.

## What the delegates take

The precision is that of the network in `decode`; the other stages divide and compare, and stay in
floating point.
"""
PICTURES = """
## Pictures

Against the picture that PyTorch makes of the same frames, both in [0, 1] before rounding; and
what the files cost in PSNR against the truth, mean and largest over the bursts.
"""
SUMS = """
## Sums over frames

Twenty drawn frames through `encode` in half precision (by the interpreter of ML programs), added in
single and in half precision, against single precision throughout: signal over noise.
"""
READING = """
ExecuTorch and LiteRT are the runtimes that phones run, on this machine's processor. Core ML files
run in this package's interpreter of ML programs, which rounds every value to its type: that proves
graph, weights and layout, not Apple's kernels. Vulkan files are made ahead of time and run nowhere
here: their rows say what the delegate takes, and no more.
"""

if __name__ == "__main__":
    main()
