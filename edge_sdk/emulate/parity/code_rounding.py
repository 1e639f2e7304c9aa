"""How far the outputs of an int8 graph move where runtimes round its codes otherwise.

Integer kernels scale sums by fixed-point numbers and half precision keeps eleven bits: values near
the middle between two codes go to the other one, and deep networks carry that on. None of it is a
mistake as long as no code is off by more than such a fraction of a step explains.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from edge_sdk.emulate.parity.agreement import run_torch
from edge_sdk.emulate.parity.differences import Results, differences
from edge_sdk.emulate.runtimes.names import RUNTIMES
from edge_sdk.exported import Example, operator_name, quiet_copy

ROUNDING_STEPS = 1 / 8
"""Error before rounding, in steps of the code: a value of 127 steps has this in half precision,
times two operators."""
DRAWS = 3
BELOW_DB = 12.0
"""A file may lie this far under its gate at most, whatever its graph does: four codes for one."""


def rounds_otherwise(
    model: nn.Module,
    probes: Sequence[Example],
    expected: Results,
    peaks: tuple[float, ...],
    found_db: float,
    gate_db: float,
    runtime: str,
    *,
    clip: bool,
) -> bool:
    """Whether rounding explains why a file in codes lies under its gate.

    Args:
        model: graph with int8 codes, as the file was made of it.
        probes: inputs, float32.
        expected: the graph's own results.
        peaks: of each output, what 0 dB is measured from.
        found_db: agreement of the file with them.
        gate_db: least that passes.
        runtime: short name of the runner; one that is known to round as PyTorch does has no excuse.
        clip: clip both to [0, 1] first.

    Returns:
        Whether the graph itself moves as far when its values are moved by :data:`ROUNDING_STEPS`,
        and the file is no more than :data:`BELOW_DB` under its gate.
    """
    known = RUNTIMES.get(runtime)
    if known is not None and known.codes_db is not None:
        return False
    if not isinstance(model, fx.GraphModule) or not found_db >= gate_db - BELOW_DB:
        return False
    return found_db >= rounding_floor_db(model, probes, expected, peaks, clip=clip)


def rounding_floor_db(
    model: nn.Module,
    probes: Sequence[Example],
    expected: Results,
    peaks: tuple[float, ...],
    *,
    clip: bool,
) -> float:
    """Agreement of a graph with itself, its values moved before they are rounded to codes.

    Every value that the graph computes is moved by up to :data:`ROUNDING_STEPS`, at random, before
    it becomes a code; the input is not.

    Args:
        model: graph with int8 codes; it is not changed.
        probes: inputs, float32.
        expected: the graph's own results.
        peaks: of each output, what 0 dB is measured from.
        clip: clip both to [0, 1] first.

    Returns:
        The least PSNR of three draws, in dB, pooled over the probes, of the worst output.
    """
    moved = quiet_copy(model)
    assert isinstance(moved, fx.GraphModule)
    for node in moved.graph.nodes:
        if node.op != "call_function" or operator_name(node.target) != "quantize_per_tensor":
            continue
        source = node.args[0]
        if source.op == "placeholder":
            continue
        with moved.graph.inserting_before(node):
            node.update_arg(0, moved.graph.call_function(_moved, (source, node.args[1])))
    moved.recompile()
    found = []
    with torch.random.fork_rng(devices=[]):
        for seed in range(DRAWS):
            torch.manual_seed(seed)
            results = run_torch(moved, probes)
            found.append(differences(expected, results, peaks, clip=clip).psnr_db)
    return min(found)


def _moved(x: Tensor, scale: float) -> Tensor:
    return x + (torch.rand_like(x) * 2 - 1) * (ROUNDING_STEPS * scale)
