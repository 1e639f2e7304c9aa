"""Proof that a fused model equals its original: probes, errors, and what was saved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

FLOAT64_TOLERANCE = 1e-11
"""Largest error of the whole model in float64, relative to its RMS output."""
FLOAT32_TOLERANCE = 1e-4
"""Largest error of the whole model in float32, relative to its RMS output."""


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


def probes(example: Tensor, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Yield inputs that expose a wrong kernel, bias or border, shaped like ``example``, float64.

    An impulse shows a kernel, a constant shows bias and border, a frame of ones along the border
    shows padding, noise shows the rest.
    """
    generator = torch.Generator().manual_seed(seed)
    zeros = torch.zeros(example.shape, dtype=torch.float64)
    yield "zeros", zeros
    yield "ones", zeros + 1.0
    impulse = zeros.clone()
    impulse[..., example.shape[-2] // 2, example.shape[-1] // 2] = 1.0
    yield "impulse", impulse
    corner = zeros.clone()
    corner[..., 0, 0] = 1.0
    corner[..., -1, -1] = 1.0
    yield "corners", corner
    border = zeros.clone()
    border[..., 0, :] = border[..., -1, :] = border[..., :, 0] = border[..., :, -1] = 1.0
    yield "border", border
    yield "uniform noise", torch.rand(example.shape, generator=generator, dtype=torch.float64)
    yield "normal noise", torch.randn(example.shape, generator=generator, dtype=torch.float64)
    yield "example", example.double()


def count_macs(model: nn.Module, example: Tensor) -> int:
    """Multiply–accumulates of all ``nn.Conv2d`` in one forward pass on ``example``."""
    total = 0

    def record(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += output.numel() * module.weight[0].numel()

    hooks = [
        module.register_forward_hook(record)
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def count_parameters(model: nn.Module) -> int:
    """Number of parameters, buffers excluded."""
    return sum(parameter.numel() for parameter in model.parameters())
