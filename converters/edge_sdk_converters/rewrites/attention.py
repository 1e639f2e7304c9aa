"""Attention as products and a softmax, softmax(Q·Kᵀ·s + M)·V."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import argument_of
from edge_sdk_converters.rewrites.graph_edit import called, replace_each, stored

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_attention(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``scaled_dot_product_attention`` becomes its formula.

    torch's own decomposition also looks for rows of which everything is masked, by operators that
    few targets have; such a row is not a number here as it is in the formula.
    """
    return replace_each(
        program,
        _is_attention,
        lambda own, node: _in_order_of(node, _formula(own, node)),
        lambda _: "attention became products and a softmax",
    )


def _is_attention(node: Node) -> bool:
    return (
        node.target is aten.scaled_dot_product_attention.default
        and not argument_of(node, 4, "dropout_p", 0.0)
        and not argument_of(node, 7, "enable_gqa", False)
    )


def _formula(program: ExportedProgram, node: Node) -> Node:
    query, key, value = (node.args[index] for index in range(3))
    shapes = [tuple(part.meta["val"].shape) for part in (query, key)]  # type: ignore[union-attr]
    scale: Any = argument_of(node, 6, "scale", None)
    factor = shapes[0][-1] ** -0.5 if scale is None else float(scale)
    scaled = called(aten.mul.Tensor, (query, factor), node)
    turned = called(aten.transpose.int, (key, -2, -1), node)
    scores = called(aten.matmul.default, (scaled, turned), node)
    mask: Any = argument_of(node, 3, "attn_mask", None)
    if argument_of(node, 5, "is_causal", False):
        seen = torch.ones(shapes[0][-2], shapes[1][-2], dtype=torch.bool).tril()
        lowest = torch.zeros(seen.shape).masked_fill(~seen, -math.inf)
        mask = stored(program, f"{node.name}_causal", lowest)
    elif mask is not None and mask.meta["val"].dtype == torch.bool:
        hidden = called(aten.logical_not.default, (mask,), node)
        scores = called(aten.masked_fill.Scalar, (scores, hidden, -math.inf), node)
        mask = None
    if mask is not None:
        scores = called(aten.add.Tensor, (scores, mask), node)
    weights = called(aten.softmax.int, (scores, -1), node)
    return called(aten.matmul.default, (weights, value), node)


def _in_order_of(node: Node, result: Node) -> Node:
    """The result with the order in memory that attention has, which a view behind it relies on."""
    strides = node.meta["val"].stride()
    order = sorted(range(len(strides)), key=lambda axis: (-strides[axis], axis))
    if order == list(range(len(order))):
        return result
    moved = called(aten.permute.default, (result, order), node)
    plain = called(aten.clone.default, (moved,), node, memory_format=torch.contiguous_format)
    return called(
        aten.permute.default, (plain, [order.index(axis) for axis in range(len(order))]), node
    )
