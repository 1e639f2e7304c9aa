"""A program in half precision, by Apple's own casting, that takes and gives float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.errors import ConversionError, first_line
from edge_sdk.extras import require

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node


def in_halves(program: ExportedProgram) -> ExportedProgram:
    """The program in half precision, with float32 at its ends.

    Args:
        program: of core ATen operators; it is changed.

    Raises:
        ConversionError: if Apple's casting fails on it.
    """
    casting = require("coreai", "coreai_opt.casting")
    try:
        halved: ExportedProgram = casting.cast_fp32_to_fp16(program)
    except Exception as error:
        raise ConversionError(
            f"the model cannot be put in half precision for Core AI ({first_line(error)}); "
            "convert it in fp32"
        ) from error
    given = set(halved.graph_signature.user_inputs)
    graph = halved.graph
    for node in list(graph.nodes):
        if node.name in given and node.meta["val"].dtype == torch.float16:
            half = _cast(graph, node, torch.float16, before=node.next)
            node.replace_all_uses_with(half, lambda user, half=half: user is not half)
            node.meta = {**node.meta, "val": node.meta["val"].float()}
    ends = graph.output_node()
    results = [
        _cast(graph, node, torch.float32, before=ends)
        if node.meta["val"].dtype == torch.float16
        else node
        for node in ends.args[0]
    ]
    for before, after, spec in zip(
        ends.args[0], results, halved.graph_signature.output_specs, strict=True
    ):
        assert spec.arg.name == before.name
        spec.arg.name = after.name
    ends.args = (tuple(results),)
    graph.lint()
    halved.graph_module.recompile()
    return halved


def _cast(graph: Any, node: Node, dtype: torch.dtype, *, before: Node) -> Node:
    with graph.inserting_before(before):
        cast: Node = graph.call_function(torch.ops.aten._to_copy.default, (node,), {"dtype": dtype})
    cast.meta = {**node.meta, "val": node.meta["val"].to(dtype)}
    return cast
