"""Fuse a trained model: every linear part becomes one convolution, proved equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam.findings import Refusal, Region
from edge_sdk.reparam.graph.fusion import copy_of, fuse_graph
from edge_sdk.reparam.graph.preparation import (
    checked_copy,
    checked_inputs,
    preserved_state,
    with_branches,
)
from edge_sdk.reparam.graph.replacement import names_of_blocks, replaced, unmergeable_blocks
from edge_sdk.reparam.proof.certificate import Certificate, Evidence, Range, certify
from edge_sdk.reparam.proof.comparison import Inputs, check_runs, compare, in_dtype
from edge_sdk.reparam.skips.folding import INPUT_RANGE, folded_names
from edge_sdk.reparam.skips.folding import fold_skips as fold_skips_of


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
    pooling, padding, sums, concatenations …), and each that is one kernel, and no more expensive
    than its parts, becomes one layer. A BatchNorm between a residual sum and a ReLU goes into the
    layers around them where all its scales are above 0. What is left unmerged is listed with the
    reason. Original and copy are then compared on impulse, border, constant and random inputs, in
    float64 and float32.

    A model in which only blocks were merged keeps its class; one with merged regions comes back as
    a ``torch.fx.GraphModule``.

    Args:
        model: any float32 module on the CPU from tensors to tensors; it is left untouched,
            training mode included. A block that it holds in several places becomes one convolution
            there; one with hooks, or that evaluation does not call, stays as it is.
        example: float tensor of the model's input shape, N×C×H×W, or one tensor of any shape for
            each argument without default, N×C×H×W the first. Arguments with defaults keep them.
        seed: seed of the random probes.
        fold_skips: also fold a skip from the input to the end into the convolutions
            (:func:`edge_sdk.reparam.skips.folding.fold_skips`), which is exact for inputs in [0, 1]
            only; probes are then clipped to that range, and ``Certificate.input_range`` says so.

    Returns:
        The fused model in evaluation mode, and the certificate.

    Raises:
        InputError: if the model is not float32 or not on the CPU, does not take ``example``,
            returns anything but tensors, gives another result each time, or numbers that are not
            finite for the example or for noise in [0, 1].
        FusionError: if the model cannot be traced and holds no block; if it calls a block that is
            no submodule; if the two differ by more than the tolerances of ``certificate``: a wrong
            model is never returned.

    Example:
        >>> import torch
        >>> from edge_sdk import fuse
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig
        >>> network = EnhanceNet(EnhanceNetConfig(scale=2, widths=(8, 8), skips=()))
        >>> luma = torch.rand(1, 1, 24, 32)
        >>> fused, certificate = fuse(network, luma)
        >>> len(certificate.regions), certificate.error_float64 < 1e-11
        (3, True)
        >>> certificate.macs_after < certificate.macs_before
        True
    """
    with preserved_state():
        return _fuse(model, checked_inputs(example), seed, fold_skips)


def _fuse(
    model: nn.Module, given: Inputs, seed: int, fold_skips: bool
) -> tuple[nn.Module, Certificate]:
    inputs = in_dtype(given, torch.float32)
    original = with_branches(checked_copy(model))
    check_runs(original, inputs)
    fused = _merged(original, inputs, fold_skips)
    # The float64 comparison fuses again in float64: rounding the merged kernel to float32 is a
    # change of its own, which the float32 comparison shows.
    exact = _in_float64(original, inputs)
    exact_fused = _merged(exact, in_dtype(inputs, torch.float64), fold_skips)
    pairs = (
        (torch.float64, exact, exact_fused.model),
        (torch.float32, original, fused.model),
    )
    evidence = compare(pairs, inputs, seed, fused.input_range)
    certificate = certify(evidence, original, fused.model, inputs, fused.regions, fused.refusals)
    return fused.model, certificate


def left_unfused(
    model: nn.Module, example: Tensor | Sequence[Tensor], reason: str
) -> tuple[nn.Module, Certificate]:
    """A copy of a model that cannot be fused, and a certificate that says why nothing was merged.

    Args:
        model: as :func:`fuse` takes it, without multi-branch blocks.
        example: likewise.
        reason: why it is not fused.

    Returns:
        The copy in evaluation mode; the certificate has no probes, since nothing was changed.

    Raises:
        InputError: as :func:`fuse`.
    """
    with preserved_state():
        inputs = in_dtype(checked_inputs(example), torch.float32)
        copy = checked_copy(model)
        check_runs(copy, inputs)
        refusals = (Refusal("(whole model)", reason),)
        return copy, certify(Evidence(0.0, 0.0, ()), copy, copy, inputs, (), refusals)


def certificate_for(
    certificate: Certificate,
    model: nn.Module,
    fused: nn.Module,
    example: Tensor | Sequence[Tensor],
) -> Certificate:
    """A certificate with what both models cost on another example; nothing is compared again.

    Args:
        certificate: what :func:`fuse` returned for ``model``.
        model: the original, as :func:`fuse` takes it.
        fused: the fused model.
        example: float tensors of another shape.

    Raises:
        InputError: if the model or the example is not what :func:`fuse` takes.
    """
    with preserved_state():
        inputs = in_dtype(checked_inputs(example), torch.float32)
        evidence = Evidence(
            certificate.error_float64,
            certificate.error_float32,
            certificate.probes,
            certificate.input_range,
            certificate.probes_left_out,
        )
        original = with_branches(checked_copy(model))
        return certify(evidence, original, fused, inputs, certificate.regions, certificate.refusals)


@dataclass(frozen=True)
class _Fused:
    model: nn.Module
    regions: tuple[Region, ...]
    refusals: tuple[Refusal, ...]
    input_range: Range | None = None


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
    fused, blocks, unmerged = _with_merged_blocks(model, inputs)
    try:
        graph = fuse_graph(fused, inputs)
    except FusionError as error:
        if not blocks:
            raise
        return _Fused(fused, blocks, (*unmerged, Refusal("(whole model)", str(error))))
    merged = fused if graph.model is None else graph.model
    regions = (*blocks, *graph.regions)
    # What the graph reports of a block that is left unmerged is known already.
    known = {refusal.name for refusal in unmerged}
    refusals = (*unmerged, *(each for each in graph.refusals if each.name not in known))
    if not fold_skips:
        return _Fused(merged, regions, refusals)
    folded, refusal = fold_skips_of(merged, inputs)
    if refusal is not None:
        return _Fused(merged, regions, (*refusals, refusal))
    gone = folded_names(merged, folded, inputs)
    left = tuple(each for each in refusals if each.name not in gone)
    return _Fused(folded, regions, left, INPUT_RANGE)


def _with_merged_blocks(
    model: nn.Module, inputs: Inputs
) -> tuple[nn.Module, tuple[Region, ...], tuple[Refusal, ...]]:
    reasons = unmergeable_blocks(model, inputs)
    names = names_of_blocks(model)
    convs = {block: block.fused() for block in names if block not in reasons}
    regions = tuple(
        Region(
            names[block],
            len(block.branches),
            (int(conv.kernel_size[0]), int(conv.kernel_size[1])),
        )
        for block, conv in convs.items()
    )
    unmerged = tuple(Refusal(names[block] or "(model)", text) for block, text in reasons.items())
    return replaced(model, convs, inputs), regions, unmerged
