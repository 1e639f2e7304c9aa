"""Resizes that a target has not as products with two matrices: rows, then columns.

Every separable resize of fixed sizes is y = A·x·Bᵀ. The matrices are read off PyTorch's own kernel,
in double precision, by resizing the columns of an identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import operator_name
from edge_sdk_converters.rewrites.graph_edit import called, replace_each, stored

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten
_RESIZES: dict[Any, Any] = {
    aten._upsample_bilinear2d_aa.vec: aten._upsample_bilinear2d_aa.default,
    aten._upsample_bicubic2d_aa.vec: aten._upsample_bicubic2d_aa.default,
    aten.upsample_bicubic2d.vec: aten.upsample_bicubic2d.default,
}
"""Operators as torch.export has them, and the same by sizes alone."""


def write_out_resizes(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Antialiased and bicubic resizes become products with the matrices of rows and columns."""
    return replace_each(
        program,
        lambda node: node.target in _RESIZES,
        _products,
        lambda node: (
            f"{operator_name(node.target)} became products with the matrices of its rows and "
            "columns"
        ),
    )


def _products(program: ExportedProgram, node: Node) -> Node:
    rows, columns = (
        stored(program, f"{node.name}_{name}", _matrix(node, axis))
        for axis, name in enumerate(("rows", "columns"))
    )
    tall = called(aten.matmul.default, (rows, node.args[0]), node)
    turned = called(aten.permute.default, (columns, [1, 0]), node)
    return called(aten.matmul.default, (tall, turned), node)


def _matrix(node: Node, axis: int) -> Tensor:
    """Weights float32 [after, before] of one axis."""
    source: Any = node.args[0]
    before = int(source.meta["val"].shape[2 + axis])
    after = int(node.meta["val"].shape[2 + axis])
    # Four alike: of a picture one pixel wide, torch's antialiasing kernel takes other weights.
    columns = torch.eye(before, dtype=torch.float64)[None, :, :, None].repeat(1, 1, 1, 4)
    resized = _RESIZES[node.target](columns, [after, 4], bool(node.args[2]), None, None)
    matrix: Tensor = resized[0, :, :, 0].T.to(torch.float32)
    return matrix
