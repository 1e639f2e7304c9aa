"""Attention as products and a softmax, softmax(Q·Kᵀ·s + M)·V."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import module_path

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

aten = torch.ops.aten


def write_out_attention(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``scaled_dot_product_attention`` becomes its formula.

    torch's own decomposition also looks for rows of which everything is masked, by operators that
    few targets have; such a row is not a number here as it is in the formula.
    """
    target = aten.scaled_dot_product_attention.default
    found = [node for node in program.graph.nodes if node.target is target]
    if not found:
        return program, ()
    sentences = tuple(
        f"{module_path(node)}: attention became products and a softmax" for node in found
    )
    return program.run_decompositions({target: _attention}), sentences


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    if enable_gqa or dropout_p:
        return NotImplemented
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    scores = torch.matmul(query * factor, key.transpose(-2, -1))
    if is_causal:
        rows, columns = int(query.shape[-2]), int(key.shape[-2])
        attn_mask = torch.ones(rows, columns, dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = torch.zeros(attn_mask.shape).masked_fill(~attn_mask, -math.inf)
    if attn_mask is not None:
        scores = scores + attn_mask
    return torch.matmul(scores.softmax(-1), value)
