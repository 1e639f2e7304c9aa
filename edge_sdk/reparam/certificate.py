"""Proof that a fused model equals its original: probes, errors, and what was saved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

FLOAT64_TOLERANCE = 1e-11
"""Largest error of the whole model in float64, relative to its RMS output."""
FLOAT32_TOLERANCE = 1e-4
"""Largest error of the whole model in float32, relative to its RMS output."""

Range = tuple[float, float]

_PROBES = ("zeros", "ones", "impulse", "corners", "border", "uniform noise", "normal noise")


@dataclass(frozen=True)
class Region:
    """One linear part of the model that was merged into one convolution.

    Attributes:
        name: qualified name of the merged layer.
        branches: number of branches of a block, or of convolutions in a region of a graph, before.
        kernel: height and width of the merged kernel, in pixels.
        members: names of the modules that it replaces; empty for a block.
    """

    name: str
    branches: int
    kernel: tuple[int, int]
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Two linear steps that were left apart.

    Attributes:
        name: node of the graph, by the name of its module where it has one.
        reason: why they are not one kernel.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Certificate:
    """What fusing changed and how far the results differ.

    Attributes:
        regions: merged blocks in the order of the model's modules, then regions of the graph.
        refusals: linear steps that were left apart, each with the reason.
        error_float64: largest |fused − original| over all probes, relative to the RMS output of the
            strongest probe.
        error_float32: the same, both models computed in float32.
        probes: names of the inputs that were compared.
        parameters_before: number of parameters of the original.
        parameters_after: number of parameters of the fused model.
        macs_before: multiply–accumulates of all convolutions for the example input.
        macs_after: the same for the fused model.
        input_range: smallest and largest input value for which the two are equal; ``None`` for any
            (only folded skips need a range).
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
    input_range: Range | None = None


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


class _ConvolutionCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the multiply–accumulates of every convolution that runs, layer or function."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default:
            source, weight, transposed = args[0], args[1], args[6]
            pixels = source if transposed else result
            self.total += pixels.numel() * weight[0].numel()
        return result


def count_macs(model: nn.Module, *inputs: Tensor) -> int:
    """Multiply–accumulates of all convolutions in one forward pass on ``inputs``."""
    counter = _ConvolutionCounter()
    with torch.no_grad(), counter:
        model(*(value.clone() for value in inputs))
    return counter.total


def count_parameters(model: nn.Module) -> int:
    """Number of parameters, buffers excluded."""
    return sum(parameter.numel() for parameter in model.parameters())
