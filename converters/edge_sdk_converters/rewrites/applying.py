"""Run rewrites one after the other, each proved on probes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch

from edge_sdk.errors import ConversionError
from edge_sdk.exported import example_shape
from edge_sdk_converters.rewrites.attention import write_out_attention
from edge_sdk_converters.rewrites.constants import fold_constants
from edge_sdk_converters.rewrites.core_formulas import write_out_core_operators
from edge_sdk_converters.rewrites.coreml_means import (
    count_cumsums_from_start,
    write_out_alphas,
    write_out_rms_norm,
    write_out_thresholds,
    write_out_where_scalars,
)
from edge_sdk_converters.rewrites.decompositions import taken_apart
from edge_sdk_converters.rewrites.delegable import (
    write_out_adaptive_pools,
    write_out_channel_shuffle,
    write_out_circles,
    write_out_crops,
    write_out_hard_sigmoid,
    write_out_means,
    write_out_mirrors,
    write_out_mish,
    write_out_softplus,
    write_out_splits,
)
from edge_sdk_converters.rewrites.folds import write_out_folds, write_out_unfolds
from edge_sdk_converters.rewrites.int8_biases import write_biases_as_integers
from edge_sdk_converters.rewrites.moves import (
    recognize_channel_shuffles,
    recognize_pixel_shuffles,
)
from edge_sdk_converters.rewrites.nearest import write_out_nearest, write_out_nearest_by_index
from edge_sdk_converters.rewrites.no_ops import remove_no_ops
from edge_sdk_converters.rewrites.pads import fold_pads
from edge_sdk_converters.rewrites.pool_means import write_out_ceil_means
from edge_sdk_converters.rewrites.products import write_out_product_factors
from edge_sdk_converters.rewrites.resize_matrices import write_out_resizes
from edge_sdk_converters.rewrites.written_out import (
    write_out_pool_strides,
    write_out_prelu,
    write_out_reciprocal,
    write_out_tanh_gelu,
    write_out_transposed_padding,
)
from edge_sdk_converters.rewrites.written_slices import write_out_slices

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

Rewrite = Callable[["ExportedProgram"], "tuple[ExportedProgram, tuple[str, ...]]"]

REWRITES: dict[str, Rewrite] = {
    "attention": write_out_attention,
    "no-ops": remove_no_ops,
    "constants": fold_constants,
    "written slices": write_out_slices,
    "resizes": write_out_resizes,
    "folds": write_out_folds,
    "unfolds": write_out_unfolds,
    "product factors": write_out_product_factors,
    "nearest by index": write_out_nearest_by_index,
    "rms norms": write_out_rms_norm,
    "alphas": write_out_alphas,
    "ceil means": write_out_ceil_means,
    "running sums": count_cumsums_from_start,
    "pixel shuffles": recognize_pixel_shuffles,
    "channel shuffles": recognize_channel_shuffles,
    "pads": fold_pads,
    "nearest": write_out_nearest,
    "thresholds": write_out_thresholds,
    "scalars of where": write_out_where_scalars,
    "means": write_out_means,
    "adaptive pools": write_out_adaptive_pools,
    "mirrors": write_out_mirrors,
    "crops": write_out_crops,
    "circles": write_out_circles,
    "splits": write_out_splits,
    "hard sigmoid": write_out_hard_sigmoid,
    "mish": write_out_mish,
    "softplus": write_out_softplus,
    "channel shuffles written out": write_out_channel_shuffle,
    "prelu": write_out_prelu,
    "reciprocal": write_out_reciprocal,
    "tanh gelu": write_out_tanh_gelu,
    "pool strides": write_out_pool_strides,
    "transposed paddings": write_out_transposed_padding,
    "core operators": write_out_core_operators,
    "int8 biases": write_biases_as_integers,
}
"""All rewrites by the names that targets list."""

RELATIVE_ERROR = 1e-5
"""Largest difference, relative to the largest output, that rounding in another order explains."""

_PROBES = 2


def apply(
    names: Sequence[str],
    program: ExportedProgram,
    takes: Callable[[Node], bool] | None = None,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Apply the rewrites ``names`` in order.

    Args:
        names: keys of :data:`REWRITES`.
        program: from :func:`edge_sdk.exported.export`; it is not changed.
        takes: whether the target has an operator for a node; what it has not is taken apart in the
            end as torch does it. ``None`` where the target sees to that.

    Returns:
        The rewritten program, or the given one if there was nothing to change, and one sentence
        for each change that says where it was.

    Raises:
        ConversionError: if a rewritten program computes something else on a probe.
    """
    sentences: list[str] = []
    steps = [(name, REWRITES[name]) for name in names]
    if takes is not None:
        steps.append(("decompositions", partial(taken_apart, takes=takes)))
    for name, rewrite in steps:
        rewritten, changes = rewrite(program)
        if not changes:
            continue
        _prove(name, program, rewritten)
        program = rewritten
        sentences += [change for change in changes if change]
    return program, tuple(sentences)


def _prove(name: str, before: ExportedProgram, after: ExportedProgram) -> None:
    for seed in range(_PROBES):
        expected, found = (_outputs(program, seed) for program in (before, after))
        for left, right in zip(expected, found, strict=True):
            largest = float(left.abs().max()) if left.numel() else 0.0
            error = float((left - right).abs().max()) if left.numel() else 0.0
            if not error <= RELATIVE_ERROR * max(largest, 1e-6):
                raise ConversionError(
                    f"rewrite '{name}' changes the result by {error:.1e}; report this model, it "
                    "shows a mistake in edge-sdk"
                )


def _outputs(program: ExportedProgram, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {node.name: node.meta.get("val") for node in program.graph.nodes}
    probes = [
        torch.rand(example_shape(shapes[str(name)]), generator=generator)
        for name in program.graph_signature.user_inputs
    ]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = program.module()(*probes)
    leaves = torch.utils._pytree.tree_leaves(result)
    return [leaf.double() for leaf in leaves if isinstance(leaf, torch.Tensor)]
