"""Proof that a fused model equals its original: probes, errors, and what was saved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.reparam.findings import Refusal, Region
from edge_sdk.reparam.proof.operator_costs import OperatorCost, count_parameters, operator_costs

FLOAT64_TOLERANCE = 1e-11
"""Largest error of the whole model in float64, relative to its RMS output."""
FLOAT32_TOLERANCE = 1e-4
"""Largest error of the whole model in float32, relative to its RMS output."""

Range = tuple[float, float]

_PROBES = ("zeros", "ones", "impulse", "corners", "border", "uniform noise", "normal noise")


@dataclass(frozen=True)
class Certificate:
    """What fusing changed and how far the results differ.

    Attributes:
        regions: merged blocks in the order of the model's modules, then regions of the graph.
        refusals: linear steps that were left unmerged, each with the reason.
        error_float64: largest |fused − original| over all probes, relative to the RMS output of the
            strongest probe.
        error_float32: the same, both models computed in float32.
        probes: names of the inputs that were compared.
        parameters_before: number of parameters of the original.
        parameters_after: number of parameters of the fused model.
        macs_before: multiply–accumulates of all convolutions for the example input.
        macs_after: the same for the fused model.
        bytes_before: bytes that all operators of the original read and write, for the example
            input, at float32: :func:`~edge_sdk.reparam.proof.operator_costs.operator_costs`.
        bytes_after: the same for the fused model.
        operators_before: operators of the original, in the order in which they run.
        operators_after: the same for the fused model.
        input_range: smallest and largest input value for which the two are equal; ``None`` for any
            (only folded skips need a range).
        probes_left_out: names of the inputs for which the original itself gives numbers that are
            not finite, so that nothing was compared.

    Example:
        >>> import torch
        >>> from edge_sdk import fuse, load_model
        >>> fused, certificate = fuse(load_model("sr_x2_y"), torch.rand(1, 1, 16, 16))
        >>> certificate.parameters_after
        10020
        >>> certificate.error_float64 < 1e-11 and certificate.error_float32 < 1e-4
        True
    """

    regions: tuple[Region, ...]
    refusals: tuple[Refusal, ...]
    error_float64: float
    error_float32: float
    probes: tuple[str, ...]
    parameters_before: int
    parameters_after: int
    macs_before: int
    macs_after: int
    bytes_before: int
    bytes_after: int
    operators_before: tuple[OperatorCost, ...]
    operators_after: tuple[OperatorCost, ...]
    input_range: Range | None = None
    probes_left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Errors of a comparison, by which a certificate vouches for a model.

    Attributes:
        error_float64: as in :class:`Certificate`.
        error_float32: likewise.
        probes: likewise.
        input_range: likewise.
        probes_left_out: likewise.
    """

    error_float64: float
    error_float32: float
    probes: tuple[str, ...]
    input_range: Range | None = None
    probes_left_out: tuple[str, ...] = ()


def certify(
    evidence: Evidence,
    before: nn.Module,
    after: nn.Module,
    inputs: tuple[Tensor, ...],
    regions: tuple[Region, ...],
    refusals: tuple[Refusal, ...],
) -> Certificate:
    """Certificate of two models that were compared, with what each costs on ``inputs``.

    Args:
        evidence: outcome of the comparison.
        before: the original, its branches running, in evaluation mode.
        after: the fused model, likewise.
        inputs: example inputs.
        regions: what was merged.
        refusals: what was left unmerged.
    """
    operators_before = operator_costs(before, *inputs)
    operators_after = operator_costs(after, *inputs)
    return Certificate(
        regions=regions,
        refusals=refusals,
        error_float64=evidence.error_float64,
        error_float32=evidence.error_float32,
        probes=evidence.probes,
        parameters_before=count_parameters(before),
        parameters_after=count_parameters(after),
        macs_before=sum(cost.macs for cost in operators_before),
        macs_after=sum(cost.macs for cost in operators_after),
        bytes_before=sum(cost.bytes_moved for cost in operators_before),
        bytes_after=sum(cost.bytes_moved for cost in operators_after),
        operators_before=operators_before,
        operators_after=operators_after,
        input_range=evidence.input_range,
        probes_left_out=evidence.probes_left_out,
    )


def probes(example: Tensor, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Yield the probes of :func:`probe_inputs` for a model with one input."""
    for name, (probe,) in probe_inputs((example,), seed):
        yield name, probe


def probe_inputs(
    inputs: tuple[Tensor, ...], seed: int, input_range: Range | None = None
) -> Iterator[tuple[str, tuple[Tensor, ...]]]:
    """Yield inputs that expose a wrong kernel, bias or border, shaped like ``inputs``, float64.

    An impulse shows a kernel, a constant shows bias and border, a frame of ones along the border
    shows padding, noise shows the rest. Inputs of integers stay as they are in the example.

    Args:
        inputs: example inputs.
        seed: seed of the noise.
        input_range: what all values are clipped to.
    """
    generator = torch.Generator().manual_seed(seed)
    low, high = input_range or (-math.inf, math.inf)
    for name in _PROBES:
        probe = tuple(
            _probe(name, value, generator).clamp(low, high) if value.is_floating_point() else value
            for value in inputs
        )
        yield name, probe
    yield "example", tuple(v.double() if v.is_floating_point() else v for v in inputs)


def _probe(name: str, example: Tensor, generator: torch.Generator) -> Tensor:
    probe = torch.zeros(example.shape, dtype=torch.float64)
    if name == "uniform noise":
        return torch.rand(example.shape, generator=generator, dtype=torch.float64)
    if name == "normal noise":
        return torch.randn(example.shape, generator=generator, dtype=torch.float64)
    if name == "ones" or (name != "zeros" and example.ndim < 2):
        return probe + 1.0
    if name == "impulse":
        probe[..., example.shape[-2] // 2, example.shape[-1] // 2] = 1.0
    elif name == "corners":
        probe[..., 0, 0] = probe[..., -1, -1] = 1.0
    elif name == "border":
        probe[..., 0, :] = probe[..., -1, :] = probe[..., :, 0] = probe[..., :, -1] = 1.0
    return probe
