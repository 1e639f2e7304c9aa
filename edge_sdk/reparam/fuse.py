"""Fuse a trained model: every multi-branch block becomes one convolution, proved equal."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam.block import MultiBranchConv2d
from edge_sdk.reparam.certificate import (
    FLOAT32_TOLERANCE,
    FLOAT64_TOLERANCE,
    Certificate,
    Region,
    count_macs,
    count_parameters,
    probes,
)


def fuse(model: nn.Module, example: Tensor, seed: int = 0) -> tuple[nn.Module, Certificate]:
    """Return a fused copy of ``model`` with the certificate that it equals the original.

    The copy is put in evaluation mode and every :class:`MultiBranchConv2d` in it is replaced by
    the plain convolution it equals (specification 1, "reconstruction processing"). Original and
    copy are then compared on impulse, border, constant and random inputs, in float64 and float32.

    Args:
        model: any module; it is left untouched, training mode included.
        example: float tensor of the model's input shape, N×C×H×W.
        seed: seed of the random probes.

    Returns:
        The fused model in evaluation mode, and the certificate.

    Raises:
        FusionError: if the two differ by more than the tolerances of ``certificate``; a wrong
            model is never returned.
    """
    original = _with_branches(deepcopy(model).eval())
    fused = deepcopy(original)
    regions = []
    for name, block in list(original.named_modules()):
        if isinstance(block, MultiBranchConv2d):
            conv = block.fused()
            fused = _replace(fused, name, conv)
            kernel = (int(conv.kernel_size[0]), int(conv.kernel_size[1]))
            regions.append(Region(name, len(block.branches), kernel))
    example = example.detach().float()
    names, error64, error32 = _compare(original, fused, example, seed)
    for error, tolerance, dtype in (
        (error64, FLOAT64_TOLERANCE, "float64"),
        (error32, FLOAT32_TOLERANCE, "float32"),
    ):
        if not error <= tolerance:
            raise FusionError(
                f"the fused model differs from the original by {error:.1e} of its RMS output in "
                f"{dtype}, allowed are {tolerance:.0e}; it is not returned"
            )
    certificate = Certificate(
        regions=tuple(regions),
        error_float64=error64,
        error_float32=error32,
        probes=names,
        parameters_before=count_parameters(original),
        parameters_after=count_parameters(fused),
        macs_before=count_macs(original, example),
        macs_after=count_macs(fused, example),
    )
    return fused, certificate


def _with_branches(model: nn.Module) -> nn.Module:
    # A collapsed block computes the merged kernel itself: comparing with it would prove nothing.
    for module in model.modules():
        if isinstance(module, MultiBranchConv2d):
            module.collapsed = False
    return model


def _replace(model: nn.Module, name: str, new: nn.Module) -> nn.Module:
    if not name:
        return new
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, new)
    return model


@torch.no_grad()
def _compare(
    original: nn.Module, fused: nn.Module, example: Tensor, seed: int
) -> tuple[tuple[str, ...], float, float]:
    # The float64 comparison fuses anew in float64: rounding the merged kernel to float32 is a
    # change of its own, which the float32 comparison shows.
    exact = deepcopy(original).double()
    exact_fused = deepcopy(exact)
    for name, block in list(exact.named_modules()):
        if isinstance(block, MultiBranchConv2d):
            exact_fused = _replace(exact_fused, name, block.fused())
    names = []
    worst64 = worst32 = 0.0
    for name, probe in probes(example, seed):
        names.append(name)
        worst64 = max(worst64, _error(exact(probe), exact_fused(probe)))
        worst32 = max(worst32, _error(original(probe.float()), fused(probe.float())))
    return tuple(names), worst64, worst32


def _error(expected: Tensor, actual: Tensor) -> float:
    if expected.shape != actual.shape:
        return float("inf")
    rms = expected.double().square().mean().sqrt().clamp_min(1e-12)
    return float((expected - actual).abs().max() / rms)
