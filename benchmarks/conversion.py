"""Our files against those of the vendors' own tools, in one run.

    python benchmarks/conversion.py --table docs/measurements/conversion-cost.md

Each pair is measured by the rule of ``edge-sdk bench``: a fresh process per file with fixed
threads, the processes taking turns. The ratios are what to read: the milliseconds are those of the
machine it ran on.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.deploy.preparation import prepare
from edge_sdk.emulate.bench.measure import Job
from edge_sdk.emulate.bench.rounds import Measurement, measure
from edge_sdk.models import EnhanceNet
from edge_sdk.quiet import quiet_stderr
from edge_sdk.targets import find_converter
from edge_sdk.zoo.loading import load_any
from edge_sdk.zoo.networks import example_input, fused_by_name
from pages import head, page_parser, publish, row

MODEL = "sr_x2_y"
INT8 = ("sr_x2_y", "sr_x2_rgb", "sr_x4_y", "denoise_rgb")
"""Shipped models whose int8 files are compared."""
SIDE_PX = 128
ROUNDS = 40
COLUMNS = ("compared", "ours", "theirs", "ours / theirs", "bar", "")


@dataclass(frozen=True)
class Pair:
    """Two figures of one kind, the smaller the better.

    Attributes:
        compared: what.
        ours: our figure.
        theirs: the figure to compare with; for a limit, the limit.
        unit: of both.
        bar: largest ratio that passes.
    """

    compared: str
    ours: float
    theirs: float
    unit: str
    bar: float

    @property
    def ratio(self) -> float:
        """Ours over theirs."""
        return self.ours / self.theirs

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        return (
            self.compared,
            f"{self.ours:.2f} {self.unit}",
            f"{self.theirs:.2f} {self.unit}",
            f"{self.ratio:.2f}",
            f"≤ {self.bar:.2f}",
            "passed" if self.ratio <= self.bar else "MISSED",
        )


def main() -> None:
    parser = page_parser(__doc__, "Markdown file to write")
    parser.add_argument("--runs", type=int, default=200, help="runs per file and thread count")
    arguments = parser.parse_args()
    network = fused_by_name(MODEL)
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        for part in (
            tflite_pairs(network, Path(folder), arguments.runs),
            pte_pairs(network, Path(folder), arguments.runs),
            [chain_pair()],
            [import_pair()],
        ):
            for entry in part:
                rows.append(entry.cells() if isinstance(entry, Pair) else skipped(entry))
                print(" · ".join(rows[-1]), flush=True)
    if arguments.table:
        publish(page(rows), arguments.table)


def skipped(reason: str) -> tuple[str, ...]:
    return (reason, "—", "—", "—", "—", "skipped")


def tflite_pairs(network: EnhanceNet, folder: Path, runs: int) -> Iterator[Pair | str]:
    """Our .tflite against litert-torch's."""
    if importlib.util.find_spec("litert_torch") is None:
        yield "TFLite: litert-torch is not installed (pip install litert-torch==0.10.0)"
        return
    example = example_input(network, SIDE_PX, SIDE_PX)
    ours, theirs = folder / "ours.tflite", folder / "litert-torch.tflite"
    find_converter("tflite").convert(network, example, ours, "fp32")
    with quiet():
        import litert_torch

        litert_torch.convert(network.eval(), (example,)).export(str(theirs))
    yield size_pair("TFLite fp32, size", ours, theirs)
    yield from speed_pairs("TFLite fp32", "litert", ours, theirs, runs, bar=1.0)
    for name in INT8:
        yield from _int8_pairs(name, folder, runs)


def _int8_pairs(name: str, folder: Path, runs: int) -> Iterator[Pair]:
    network = fused_by_name(name)
    example = example_input(network, SIDE_PX, SIDE_PX)
    codes = prepare(load_any(name), example, "int8").model
    ours, theirs = (folder / f"{name}-{whose}.tflite" for whose in ("ours", "litert-torch"))
    find_converter("tflite").convert(codes, example, ours, "int8")
    _convert_int8_by_litert_torch(network, example, theirs)
    compared = f"`{name}`, TFLite int8"
    yield size_pair(f"{compared}, size", ours, theirs)
    yield from speed_pairs(compared, "litert", ours, theirs, runs, bar=1.0)


def _convert_int8_by_litert_torch(network: EnhanceNet, example: Tensor, path: Path) -> None:
    """As its documentation shows: PT2E quantization per channel, calibrated on the example."""
    with quiet():
        import litert_torch
        from litert_torch.quantize import pt2e_quantizer, quant_config
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        quantizer = pt2e_quantizer.PT2EQuantizer().set_global(
            pt2e_quantizer.get_symmetric_quantization_config(is_per_channel=True)
        )
        program = torch.export.export(network.eval(), (example,)).module()
        prepared = prepare_pt2e(program, quantizer)
        prepared(example)
        converted = convert_pt2e(prepared, fold_quantize=False)
        config = quant_config.QuantConfig(pt2e_quantizer=quantizer)
        litert_torch.convert(converted, (example,), quant_config=config).export(str(path))


def pte_pairs(network: EnhanceNet, folder: Path, runs: int) -> Iterator[Pair | str]:
    """Our .pte against the export that ExecuTorch's documentation writes by hand."""
    example = example_input(network, SIDE_PX, SIDE_PX)
    ours, theirs = folder / "ours.pte", folder / "by-hand.pte"
    find_converter("executorch").convert(network, example, ours, "fp32")
    with quiet():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.export(network.eval(), (example,))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        theirs.write_bytes(lowered.to_executorch().buffer)
    yield size_pair("ExecuTorch fp32, size", ours, theirs, bar=1.05)
    yield from speed_pairs("ExecuTorch fp32", "executorch", ours, theirs, runs, bar=1.05)


def size_pair(compared: str, ours: Path, theirs: Path, bar: float = 1.0) -> Pair:
    sizes = (path.stat().st_size / 1024 for path in (ours, theirs))
    return Pair(compared, *sizes, "KiB", bar)


def speed_pairs(
    compared: str, runtime: str, ours: Path, theirs: Path, runs: int, bar: float
) -> Iterator[Pair]:
    for threads in (1, 2):
        jobs = [Job(str(path), runtime, threads) for path in (ours, theirs)]
        times = [1e3 * median(taken) for taken in measure(jobs, runs, rounds=ROUNDS)]
        plural = "s" if threads > 1 else ""
        yield Pair(f"{compared}, a run on {threads} thread{plural}", *times, "ms", bar)


def median(taken: Measurement) -> float:
    if taken.failure is not None:
        raise SystemExit(f"{taken.job.subject}: {taken.failure}")
    return taken.median_s


def chain_pair() -> Pair:
    """`edge-sdk verify MODEL` in a fresh process: all three formats, converted and compared."""
    begin = time.perf_counter()
    program = "from edge_sdk.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", program, "verify", MODEL],
        env={**os.environ, "OMP_NUM_THREADS": "2"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    seconds = time.perf_counter() - begin
    return Pair("three formats converted and verified (limit 60 s)", seconds, 60.0, "s", 1.0)


def import_pair(repeats: int = 7) -> Pair:
    """`import edge_sdk` against `import torch`, in turns."""
    times: dict[str, list[float]] = {"edge_sdk": [], "torch": []}
    for _ in range(repeats):
        for name, seconds in times.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {name}"], check=True)
            seconds.append(time.perf_counter() - begin)
    ours, theirs = (statistics.median(times[name]) for name in ("edge_sdk", "torch"))
    return Pair("import edge_sdk, against import torch", ours, theirs, "s", 1.3)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the vendors' tools log about their own insides."""
    logging.disable(logging.WARNING)
    try:
        with quiet_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def page(rows: list[tuple[str, ...]]) -> str:
    lines = [head(*COLUMNS), *(row(*cells) for cells in rows)]
    return f"""# What conversion costs

Written by `benchmarks/conversion.py --table docs/measurements/conversion-cost.md`: the shipped
model `{MODEL}`, or the one that a row names, input {SIDE_PX}×{SIDE_PX} px, our files against
litert-torch's and against a hand-written ExecuTorch export of the same network, measured side by
side on one computer with {os.cpu_count()} cores. The ratios are
what carries over to other machines, as far as anything does; they say nothing about a phone's
speed.

{chr(10).join(lines)}

In int8, ours are the network's int8 form with the shipped codes, theirs the float form quantized as
litert-torch's documentation shows. Sizes include our seal of 40 bytes. A run is one call of the
runtime, its inputs already in the file's layout; `import edge_sdk` alone loads no network code.
"""


if __name__ == "__main__":
    main()
