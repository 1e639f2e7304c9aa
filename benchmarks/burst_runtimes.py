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

from torch import Tensor

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.converted.by_name import convert_stages
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
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
            *stages,
            PICTURES,
            head("target", "precision", "against PyTorch, least", "mean", "costs, dB", "largest"),
            *pictures_table,
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

The precision is that of the network in `decode`; `encode` and `blend` divide and compare, and stay
in floating point.
"""
PICTURES = """
## Pictures

Against the picture that PyTorch makes of the same frames, both in [0, 1] before rounding; and
what the files cost in PSNR against the truth, mean and largest over the bursts.
"""
READING = """
ExecuTorch and LiteRT are the runtimes that phones run, on this machine's processor. Core ML files
run in this package's interpreter of ML programs, which rounds every value to its type: that proves
graph, weights and layout, not Apple's kernels. Vulkan files are made ahead of time and run nowhere
here: their rows say what the delegate takes, and no more.
"""

if __name__ == "__main__":
    main()
