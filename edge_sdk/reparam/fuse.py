"""Fuse a trained model: every linear part becomes one convolution, proved equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam.block import MultiBranchConv2d
from edge_sdk.reparam.certificate import (
    Certificate,
    Evidence,
    Range,
    Refusal,
    Region,
    certify,
)
from edge_sdk.reparam.graph_fusion import copy_of, fuse_graph
from edge_sdk.reparam.proof import Inputs, check_errors, check_runs, in_dtype, largest_errors
from edge_sdk.reparam.skips import INPUT_RANGE
from edge_sdk.reparam.skips import fold_skips as fold_skips_of


def fuse(
    model: nn.Module,
    example: Tensor | Sequence[Tensor],
    seed: int = 0,
    *,
    fold_skips: bool = False,
) -> tuple[nn.Module, Certificate]:
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
        model: any float32 module from tensors to tensors; it is left untouched, training mode
            included. A block that it holds in several places becomes one convolution there.
        example: float tensor of the model's input shape, N×C×H×W, or one tensor of any shape for
            each argument without default, N×C×H×W the first. Arguments with defaults keep them.
        seed: seed of the random probes.
        fold_skips: also fold a skip from the input to the end into the convolutions
            (:func:`edge_sdk.reparam.skips.fold_skips`), which is exact for inputs in [0, 1] only;
            probes are then clipped to that range, and ``Certificate.input_range`` says so.

    Returns:
        The fused model in evaluation mode, and the certificate.

    Raises:
        InputError: if the model is not float32, does not take ``example``, returns anything but
            tensors, or gives another result each time.
        FusionError: if the model cannot be traced and holds no block; if the two differ by more
            than the tolerances of ``certificate``, or give anything but finite numbers: a wrong
            model is never returned.
    """
    given = (example,) if isinstance(example, Tensor) else tuple(example)
    inputs = in_dtype(_checked(given), torch.float32)
    original = _with_branches(copy_of(model).eval())
    _check_dtype(original)
    check_runs(original, inputs)
    fused = _merged(original, inputs, fold_skips)
    # The float64 comparison fuses anew in float64: rounding the merged kernel to float32 is a
    # change of its own, which the float32 comparison shows.
    exact = _in_float64(original, inputs)
    exact_fused = _merged(exact, in_dtype(inputs, torch.float64), fold_skips)
    pairs = (
        (torch.float64, exact, exact_fused.model),
        (torch.float32, original, fused.model),
    )
    names, (error64, error32) = largest_errors(pairs, inputs, seed, fused.input_range)
    check_errors(error64, error32)
    evidence = Evidence(error64, error32, names, fused.input_range)
    certificate = certify(evidence, original, fused.model, inputs, fused.regions, fused.refusals)
    return fused.model, certificate


@dataclass(frozen=True)
class _Fused:
    model: nn.Module
    regions: tuple[Region, ...]
    refusals: tuple[Refusal, ...]
    input_range: Range | None = None


def _with_branches(model: nn.Module) -> nn.Module:
    # A collapsed block computes the merged kernel itself: comparing with it would prove nothing.
    for module in model.modules():
        if isinstance(module, MultiBranchConv2d):
            module.collapsed = False
    return model


def _checked(inputs: Inputs) -> Inputs:
    if not inputs or not all(isinstance(value, Tensor) for value in inputs):
        raise InputError("the example must be a tensor, or a tensor for each argument")
    if inputs[0].ndim != 4 or any(value.numel() == 0 for value in inputs):
        raise InputError(
            f"the example must be N×C×H×W, none of them 0, not {list(inputs[0].shape)}"
        )
    return tuple(value.detach() for value in inputs)


def _check_dtype(model: nn.Module) -> None:
    tensors = (*model.named_parameters(), *model.named_buffers())
    for name, tensor in tensors:
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputError(f"{name} is {kind}; call float() on the model before fusing")


def _in_float64(model: nn.Module, inputs: Inputs) -> nn.Module:
    exact: nn.Module = copy_of(model).double()
    try:
        check_runs(exact, in_dtype(inputs, torch.float64))
    except InputError as error:
        raise FusionError(
            f"{type(model).__name__} does not run in float64, where fusing is proved ({error}); "
            "let its forward pass follow the dtype of its input"
        ) from error
    return exact


def _merged(model: nn.Module, inputs: Inputs, fold_skips: bool) -> _Fused:
    fused, blocks = _with_merged_blocks(model)
    try:
        graph = fuse_graph(fused, inputs)
    except FusionError as error:
        if not blocks:
            raise
        return _Fused(fused, blocks, (Refusal("(whole model)", str(error)),))
    merged = fused if graph.model is None else graph.model
    regions, refusals = (*blocks, *graph.regions), graph.refusals
    if not fold_skips:
        return _Fused(merged.eval(), regions, refusals)
    folded, refusal = fold_skips_of(merged, inputs)
    if refusal is not None:
        return _Fused(merged.eval(), regions, (*refusals, refusal))
    return _Fused(folded.eval(), regions, refusals, INPUT_RANGE)


def _with_merged_blocks(model: nn.Module) -> tuple[nn.Module, tuple[Region, ...]]:
    fused: nn.Module = copy_of(model)
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
