"""What multi-branch training and fused inference cost beside a plain network.

    python benchmarks/reparam.py --table docs/reparam-cost.md

Times are the best of interleaved repetitions in one process on one thread; only their ratios mean
something on another machine. Peak memory is what each case adds to a fresh process of its own.
Prints Markdown, or writes it. Everything is seeded.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.reparam import five_branches, fuse
from edge_sdk.reparam.collapse import freeze_batch_norm

WIDTHS = (16, 16, 16, 16, 16)
BRANCH_WIDTH = 64
PICTURE_PX = 192
PATCH_PX, BATCH = 48, 32
KIB_PER_MIB = 1024

Case = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="Markdown file to write instead of printing")
    parser.add_argument("--repeats", type=int, default=10, help="repetitions of each case")
    parser.add_argument("--memory-of", choices=CASES, help="only print what one case adds, in MiB")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory_of:
        print(added_memory_mib(arguments.memory_of))
        return
    text = table(arguments.repeats)
    if arguments.table:
        arguments.table.write_text(text)
    else:
        print(text)


def table(repeats: int) -> str:
    """Both tables as Markdown."""
    # First of all: a process starts with the peak of the one that started it.
    memory_mib = {name: memory_in_own_process(name) for name in CASES}
    inference = best_times_ms(("unfused", "fused", "plain"), repeats)
    training = best_times_ms(("naive step", "collapsed step", "plain step"), repeats)
    lines = [HEAD, "| inference | time, ms | of plain | peak memory, MiB |", ROW * 4 + "|"]
    lines += rows(inference, "plain", memory_mib)
    lines += ["", f"Fused is **{inference['unfused'] / inference['fused']:.1f} ×** as fast."]
    lines += ["", "| training | time, ms | of plain | peak memory, MiB |", ROW * 4 + "|"]
    lines += rows(training, "plain step", memory_mib)
    naive = training["collapsed step"] / training["naive step"]
    lines += ["", f"A collapsed step takes **{naive:.2f}** of a naive multi-branch step."]
    return "\n".join(lines) + "\n"


def rows(times_ms: dict[str, float], reference: str, memory_mib: dict[str, int]) -> list[str]:
    return [
        f"| {name} | {ms:.1f} | {ms / times_ms[reference]:.2f} | {memory_mib[name]} |"
        for name, ms in times_ms.items()
    ]


def best_times_ms(names: tuple[str, ...], repeats: int) -> dict[str, float]:
    """Shortest time of each case; the cases take turns, so that all meet the same disturbances."""
    cases = {name: CASES[name]() for name in names}
    for case in cases.values():
        case()
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repeats):
        for name, case in cases.items():
            start = time.perf_counter()
            case()
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: min(values) for name, values in times.items()}


def added_memory_mib(name: str) -> int:
    """Growth of this process's peak memory over two runs of a case that is set up already."""
    case = CASES[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        case()
    return round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / KIB_PER_MIB)


def memory_in_own_process(name: str) -> int:
    command = [sys.executable, __file__, "--memory-of", name]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def network(branched: bool) -> EnhanceNet:
    torch.manual_seed(0)
    branches = five_branches(BRANCH_WIDTH) if branched else None
    config = EnhanceNetConfig(widths=WIDTHS, skips=((0, 4),), branches=branches, collapsed=False)
    return EnhanceNet(config)


def inference(model: nn.Module) -> Case:
    model.eval()
    picture = torch.rand(1, 1, PICTURE_PX, PICTURE_PX)

    @torch.inference_mode()
    def run() -> object:
        return model(picture)

    return run


def training(model: nn.Module, *, collapsed: bool = False) -> Case:
    model.train()
    if collapsed:
        freeze_batch_norm(model)
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    patches = torch.rand(BATCH, 1, PATCH_PX, PATCH_PX)

    def step() -> object:
        optimiser.zero_grad()
        loss = model(patches).square().mean()
        loss.backward()
        optimiser.step()
        return loss

    return step


def fused() -> nn.Module:
    return fuse(network(branched=True), torch.rand(1, 1, 24, 24))[0]


CASES: dict[str, Callable[[], Case]] = {
    "unfused": lambda: inference(network(branched=True)),
    "fused": lambda: inference(fused()),
    "plain": lambda: inference(network(branched=False)),
    "naive step": lambda: training(network(branched=True)),
    "collapsed step": lambda: training(network(branched=True), collapsed=True),
    "plain step": lambda: training(network(branched=False)),
}
ROW = "|---"
HEAD = f"""# What reparameterisation costs

An EnhanceNet ×2 of 16 channels and four modules, each block of the five branches of the
specification's figure ({BRANCH_WIDTH} channels inside), beside the same network of plain 3×3
convolutions. Inference on {PICTURE_PX}×{PICTURE_PX} pixels; a step of Adam on {BATCH} patches of
{PATCH_PX}×{PATCH_PX}. The naive step runs all branches and gathers BatchNorm statistics; the
collapsed one has them frozen and runs one convolution per block. Memory is what a case adds to the
peak of its process. `python benchmarks/reparam.py` makes this page anew.
"""

if __name__ == "__main__":
    main()
