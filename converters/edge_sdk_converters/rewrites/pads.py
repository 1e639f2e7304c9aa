"""Zero padding in front of a convolution that could pad by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from edge_sdk.exported import argument_of, module_path, operator_name
from edge_sdk_converters.rewrites.graph_edit import copied, finish

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node


def fold_pads(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Add the rows of a constant pad by zero to the padding of the convolutions that read it.

    Padding alike on both sides only; every reader must be a convolution with numbers as padding.
    """
    if not any(_amounts(node) is not None for node in program.graph.nodes):
        return program, ()
    program = copied(program)
    sentences = []
    for node in program.graph_module.graph.nodes:
        amounts = _amounts(node)
        if amounts is None:
            continue
        for conv in list(node.users):
            padding = argument_of(conv, 4, "padding", [0, 0])
            assert isinstance(padding, list | tuple)
            both = [own + more for own, more in zip(_pair(padding), amounts, strict=True)]
            given = [
                node.args[0],
                conv.args[1],
                argument_of(conv, 2, "bias", None),
                argument_of(conv, 3, "stride", [1, 1]),
                both,
                argument_of(conv, 5, "dilation", [1, 1]),
                argument_of(conv, 6, "groups", 1),
            ]
            conv.args, conv.kwargs = tuple(given), {}
            sentences.append(
                f"{module_path(conv)}: its padding became {both[0]}×{both[1]}, which takes in the "
                "zero pad before it"
            )
    return finish(program), tuple(sentences)


def _amounts(node: Node) -> tuple[int, int] | None:
    """Rows and columns of a pad that every reader can do itself; ``None`` otherwise."""
    if node.op != "call_function" or operator_name(node.target) not in ("pad", "constant_pad_nd"):
        return None
    mode = argument_of(node, 2, "mode", "constant") if operator_name(node.target) == "pad" else None
    index = 3 if mode is not None else 2
    value = argument_of(node, index, "value", None)
    pad = node.args[1]
    if mode not in (None, "constant") or value not in (None, 0) or not isinstance(pad, list):
        return None
    left, right, top, bottom = (*pad, 0, 0, 0, 0)[:4]
    if left != right or top != bottom or min(left, top) < 0 or any(pad[4:]):
        return None
    readers = list(node.users)
    if not readers or not all(_pads_itself(reader, node) for reader in readers):
        return None
    return int(top), int(left)


def _pads_itself(reader: Node, pad: Node) -> bool:
    return reader.target is torch.ops.aten.conv2d.default and reader.args[0] is pad


def _pair(padding: list[int] | tuple[int, ...]) -> tuple[int, int]:
    return (padding[0], padding[0]) if len(padding) == 1 else (padding[0], padding[1])
