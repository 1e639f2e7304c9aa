"""What multi-branch training and fused inference cost beside a plain network.

    python benchmarks/reparam.py --table docs/measurements/reparam-cost.md

The cases take turns on one thread of one process, so that each round meets the same disturbances;
times are medians, and ratios are medians of the ratios within a round, with their smallest and
largest. Only ratios mean something on another machine. Peak memory is what two runs of a case add
to a fresh process that has made the same preparations as all others. Prints Markdown, or writes it.
Everything is seeded.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.reparam import five_branches, fuse
from edge_sdk.reparam.blocks.collapse import freeze_batch_norm
from edge_sdk.reparam.proof.operator_costs import operator_costs
from pages import head, page_parser, publish, row

WIDTHS = (16, 16, 16, 16, 16)
BRANCH_WIDTH = 64
PICTURE_PX = 192
PATCH_PX, BATCH = 48, 32
KIB_PER_MIB = 1024

Case = Callable[[], object]


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="repetitions of each case")
    parser.add_argument("--memory-of", choices=CASES, help="only print what one case adds, in MiB")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.memory_of:
        print(added_memory_mib(arguments.memory_of))
        return
    text = table(arguments.repeats)
    publish(text, arguments.table)


def table(repeats: int) -> str:
    """Both tables as Markdown."""
    # First of all: a process starts with the peak of the one that started it.
    memory_mib = {name: memory_in_own_process(name) for name in CASES}
    inference = times_ms(("unfused", "fused", "plain"), repeats)
    training = times_ms(("naive step", "collapsed step", "plain step"), repeats)
    faster = ratio(inference["unfused"], inference["fused"])
    of_naive = ratio(training["collapsed step"], training["naive step"])
    of_plain = ratio(training["collapsed step"], training["plain step"])
    lines = [HEAD, head("inference", *COLUMNS)]
    lines += rows(inference, "plain", memory_mib)
    lines += ["", f"Fused is **{faster} ×** as fast; {operators()}."]
    lines += ["", head("training", *COLUMNS)]
    lines += rows(training, "plain step", memory_mib)
    lines += [
        "",
        f"A collapsed step takes **{of_naive}** of a naive multi-branch step and {of_plain} of a "
        "plain one.",
    ]
    return "\n".join([*lines, "", f"Rounds: {repeats}."])


def rows(times: dict[str, list[float]], reference: str, memory_mib: dict[str, int]) -> list[str]:
    lines = []
    for name, values in times.items():
        shown = (f"{statistics.median(values):.1f}", ratio(values, times[reference]))
        lines.append(row(name, *shown, str(memory_mib[name])))
    return lines


def ratio(first: list[float], second: list[float]) -> str:
    """Median of the ratios within each round, and their range."""
    ratios = [one / other for one, other in zip(first, second, strict=True)]
    digits = 1 if statistics.median(ratios) >= 10 else 2
    low, middle, high = (
        f"{value:.{digits}f}" for value in (min(ratios), statistics.median(ratios), max(ratios))
    )
    return middle if low == high else f"{middle} ({low} … {high})"


def operators() -> str:
    """What the fused network runs beside the plain one."""
    picture = torch.zeros(1, 1, PICTURE_PX, PICTURE_PX)
    counted = [
        operator_costs(model.eval(), picture) for model in (fused(), network(branched=False))
    ]
    names = [[(cost.name, cost.macs, cost.bytes_moved) for cost in costs] for costs in counted]
    if names[0] == names[1]:
        return f"it runs the {len(names[1])} operators of the plain network, in the same order"
    return f"it runs {len(names[0])} operators, the plain network {len(names[1])}"


def times_ms(names: tuple[str, ...], repeats: int) -> dict[str, list[float]]:
    """Times of each case, one of every round."""
    cases = {name: CASES[name]() for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repeats):
        for name, case in cases.items():
            # Untimed, so that no case pays for the caches and pages that the one before it left.
            case()
            start = time.perf_counter()
            case()
            times[name].append((time.perf_counter() - start) * 1000)
    return times


def added_memory_mib(name: str) -> int:
    """Growth of this process's peak memory over two runs of a case that is set up already.

    A peak never falls, so preparations that reach higher hide what a case needs: every case is set
    up in every process, for one and the same peak before.
    """
    prepared = {each: CASES[each]() for each in CASES}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        prepared[name]()
    return round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / KIB_PER_MIB)


def memory_in_own_process(name: str) -> int:
    command = [sys.executable, __file__, "--memory-of", name]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def network(branched: bool) -> EnhanceNet:
    torch.manual_seed(0)
    branches = five_branches(BRANCH_WIDTH) if branched else None
    config = EnhanceNetConfig(widths=WIDTHS, skips=((0, 4),), branches=branches, collapsed=False)
    return EnhanceNet(config)


def seeded(*shape: int) -> torch.Tensor:
    """Noise in [0, 1], the same every time."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def inference(model: nn.Module) -> Case:
    model.eval()
    picture = seeded(1, 1, PICTURE_PX, PICTURE_PX)

    @torch.inference_mode()
    def run() -> object:
        return model(picture)

    return run


def training(model: nn.Module, *, collapsed: bool = False) -> Case:
    model.train()
    if collapsed:
        freeze_batch_norm(model)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    patches = seeded(BATCH, 1, PATCH_PX, PATCH_PX)

    def step() -> object:
        optimizer.zero_grad()
        loss = model(patches).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def fused() -> nn.Module:
    return fuse(network(branched=True), seeded(1, 1, 24, 24))[0]


CASES: dict[str, Callable[[], Case]] = {
    "unfused": lambda: inference(network(branched=True)),
    "fused": lambda: inference(fused()),
    "plain": lambda: inference(network(branched=False)),
    "naive step": lambda: training(network(branched=True)),
    "collapsed step": lambda: training(network(branched=True), collapsed=True),
    "plain step": lambda: training(network(branched=False)),
}
COLUMNS = ("time, ms", "of plain", "peak memory, MiB")
HEAD = f"""# What reparameterization costs

An EnhanceNet ×2 of 16 channels and four modules, each block of the five branches of the
specification's figure ({BRANCH_WIDTH} channels inside), beside the same network of plain 3×3
convolutions. Inference on {PICTURE_PX}×{PICTURE_PX} pixels; a step of Adam on {BATCH} patches of
{PATCH_PX}×{PATCH_PX}. The naive step runs all branches and gathers BatchNorm statistics; the
collapsed one has them frozen and runs one convolution per block. Times are medians; ratios are
medians of the ratios within each round, their smallest and largest in brackets. Memory is what a
case adds to the peak of a process in which all are prepared. `python benchmarks/reparam.py` makes
this page again.
"""

if __name__ == "__main__":
    main()
