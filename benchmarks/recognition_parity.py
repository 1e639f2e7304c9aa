"""A network that tells classes apart, in every target that runs here: rows of the parity page."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from edge_sdk.deploy.conversion import convert
from edge_sdk.deploy.parity import check_parity
from edge_sdk.models import RecognitionNet, recognition_preset, save_checkpoint
from edge_sdk.targets import converter_names, find_converter, runs_here
from edge_sdk.zoo.loading import LoadedModel, load_any
from pages import END, START, head, row

CLASSES = ("blurred", "noisy", "plain", "sharp")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PRECISIONS = ("fp32", "fp16")
SEED = 0


def section() -> tuple[list[str], bool]:
    """Lines of the page between its marks, and whether all files passed."""
    lines, passed = [], True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.safetensors"
        save_checkpoint(seeded_network(), path)
        loaded = load_any(str(path))
        for target in converter_names():
            converter = find_converter(target)
            for precision in PRECISIONS:
                if precision in converter.precisions and runs_here(converter):
                    line, good = _row(loaded, target, precision, Path(folder))
                    passed = passed and good
                    lines.append(line)
                    print(line, flush=True)
    titles = ("target", "precision", "size", "against float32", "worst picture", "gate", "graph")
    return [
        START,
        "## A network that tells classes apart",
        "",
        "Preset `tiny` of `recognition_net`, drawn weights with scales of BatchNorms above 0 as",
        "training keeps them, all BatchNorms merged, with a mean and a standard deviation for each",
        "channel that the caller applies. On cuts of the same photographs at its preview's size;",
        "0 dB is the largest score.",
        "",
        head(*titles),
        *lines,
        "",
        "`python benchmarks/parity.py --only recognition --table docs/measurements/parity.md`",
        "makes this table again and leaves the others.",
        END,
    ], passed


def seeded_network() -> RecognitionNet:
    """Preset ``tiny`` in evaluation mode, its BatchNorms as they could be after a training."""
    torch.manual_seed(SEED)
    network = RecognitionNet(replace(recognition_preset("tiny", CLASSES), mean=MEAN, std=STD))
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.3, 1.7)
            nn.init.normal_(part.bias, 0, 0.3)
            nn.init.normal_(part.running_mean, 0, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return network.eval()


def _row(loaded: LoadedModel, target: str, precision: str, folder: Path) -> tuple[str, bool]:
    path = folder / f"tiny-{precision}{find_converter(target).suffix}"
    made = convert(loaded, target, path, precision)
    left = sum("norm" in name.lower() for name in made.report.operators)
    proved = check_parity(loaded, [path], None, folder).rows[-1]
    verdict = f"≥ {proved.gate_db:.0f} {'passed' if proved.passed else 'MISSED'}"
    graph = []
    if made.report.partitions is not None:
        graph.append(f"{made.report.partitions} partition, {len(made.report.undelegated)} left")
    if made.report.transposes is not None:
        graph.append(f"{made.report.transposes} TRANSPOSE")
    graph.append(f"{left} BatchNorms")
    cells = (f"{made.report.size_bytes / 1024:.0f} KiB", f"{proved.psnr_db:.1f}")
    line = row(target, precision, *cells, f"{proved.worst_db:.1f}", verdict, ", ".join(graph))
    return line, proved.passed and not left
