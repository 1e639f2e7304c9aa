"""Fuse a trained model: every multi-branch block becomes one convolution, proved equal."""

from __future__ import annotations

import math
from copy import deepcopy

import torch
from torch import Tensor, nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam.block import MultiBranchConv2d
from edge_sdk.reparam.certificate import (
    FLOAT32_TOLERANCE,
    FLOAT64_TOLERANCE,
    Certificate,
    Refusal,
    Region,
    count_macs,
    count_parameters,
    probes,
)
from edge_sdk.reparam.graph_fusion import fuse_graph


def fuse(model: nn.Module, example: Tensor, seed: int = 0) -> tuple[nn.Module, Certificate]:
    """Return a fused copy of ``model`` with the certificate that it equals the original.

    The copy is put in evaluation mode. Every :class:`MultiBranchConv2d` in it becomes the plain
    convolution it equals (specification 1, "reconstruction processing"); then the graph of the
    whole model is searched for linear regions of any layers (convolutions, BatchNorm, average
    pooling, padding, sums, concatenations …), and each that is one kernel, and no dearer than its
    parts, becomes one layer. What is left apart is listed with the reason. Original and copy are
    then compared on impulse, border, constant and random inputs, in float64 and float32.

    A model in which only blocks were merged keeps its class; one with merged regions comes back as
    a ``torch.fx.GraphModule``.

    Args:
        model: any float32 module from one tensor to one tensor; it is left untouched, training
            mode included. A block that it holds in several places becomes one convolution there.
        example: float tensor of the model's input shape, N×C×H×W.
        seed: seed of the random probes.

    Returns:
        The fused model in evaluation mode, and the certificate.

    Raises:
        InputError: if the model is not float32, or does not take ``example``.
        FusionError: if the model cannot be traced and holds no block; if the two differ by more
            than the tolerances of ``certificate``, or give anything but finite numbers: a wrong
            model is never returned.
    """
    example = example.detach().float()
    original = _with_branches(deepcopy(model).eval())
    _check(original, example)
    fused, regions, refusals = _merged(original, example)
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
        regions=regions,
        refusals=refusals,
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


def _check(model: nn.Module, example: Tensor) -> None:
    for name, parameter in model.named_parameters():
        if parameter.dtype != torch.float32:
            kind = str(parameter.dtype).removeprefix("torch.")
            raise InputError(f"{name} is {kind}; call float() on the model before fusing")
    if example.ndim != 4 or example.numel() == 0:
        raise InputError(f"the example must be N×C×H×W, not {list(example.shape)}")
    try:
        with torch.no_grad():
            output = model(example)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the model does not take an example of {list(example.shape)} ({reason})"
        ) from error
    if not isinstance(output, Tensor):
        raise InputError(
            f"the model returns a {type(output).__name__}; fuse a part with one output"
        )


def _merged(
    model: nn.Module, example: Tensor
) -> tuple[nn.Module, tuple[Region, ...], tuple[Refusal, ...]]:
    fused, blocks = _with_merged_blocks(model)
    dtype = next((parameter.dtype for parameter in model.parameters()), torch.float32)
    try:
        graph = fuse_graph(fused, example, dtype)
    except FusionError as error:
        if not blocks:
            raise
        return fused, blocks, (Refusal("(whole model)", str(error)),)
    merged = fused if graph.model is None else graph.model
    return merged.eval(), (*blocks, *graph.regions), graph.refusals


def _with_merged_blocks(model: nn.Module) -> tuple[nn.Module, tuple[Region, ...]]:
    fused = deepcopy(model)
    convs: dict[MultiBranchConv2d, nn.Conv2d] = {}
    regions = []
    for name, block in model.named_modules(remove_duplicate=False):
        if not isinstance(block, MultiBranchConv2d):
            continue
        if block not in convs:
            conv = convs[block] = block.fused()
            kernel = (int(conv.kernel_size[0]), int(conv.kernel_size[1]))
            regions.append(Region(name, len(block.branches), kernel))
        fused = _replace(fused, name, convs[block])
    return fused, tuple(regions)


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
    exact_fused, _, _ = _merged(exact, example)
    names = []
    errors64, errors32, powers = [0.0], [0.0], [0.0]
    for name, probe in probes(example, seed):
        names.append(name)
        expected = exact(probe)
        powers.append(float(expected.square().mean()))
        errors64.append(_largest_difference(expected, exact_fused(probe)))
        errors32.append(_largest_difference(original(probe.float()), fused(probe.float())))
    rms = max(math.sqrt(max(powers)), 1e-12)
    # Unlike max(), a tensor's maximum does not lose a NaN.
    worst64, worst32 = (float(torch.tensor(errors).max()) for errors in (errors64, errors32))
    return tuple(names), worst64 / rms, worst32 / rms


def _largest_difference(expected: Tensor, actual: Tensor) -> float:
    if expected.shape != actual.shape:
        return math.inf
    return float((expected - actual).abs().max())
