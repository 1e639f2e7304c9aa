"""Pixel shuffles and channel shuffles that a model spells out as views and permutations.

ShuffleNet, ESPCN ports and Transformers write ``view(N, C, r, r, H, W).permute(…).reshape(…)``.
Tensors of rank 5 and 6 are what GPU delegates and Core ML refuse, and one operator does the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from edge_sdk.exported import module_path, operator_name
from edge_sdk_converters.rewrites.graph_edit import copied, finish

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

_MOVES = frozenset(
    {"view", "_unsafe_view", "reshape", "permute", "transpose", "clone", "flatten", "unsqueeze"}
    | {"squeeze", "unflatten", "contiguous"}
)
_LARGEST = 2**26
"""Most elements of a tensor that is followed element by element."""

aten = torch.ops.aten


def recognize_pixel_shuffles(
    program: ExportedProgram,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Replace chains that are a pixel shuffle, or its inverse, by that operator."""
    return _recognize(program, ("pixel_shuffle", "pixel_unshuffle"))


def recognize_channel_shuffles(
    program: ExportedProgram,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Replace chains that are a channel shuffle by that operator."""
    return _recognize(program, ("channel_shuffle",))


def _recognize(
    program: ExportedProgram, operators: tuple[str, ...]
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Replace chains of views and permutations that are one of ``operators`` by that operator.

    A chain is followed on the numbers 0, 1, 2 … in place of the elements, so that whatever it is
    made of, it is replaced only where every element lands in the same place.
    """
    if not any(_is_end(node) for node in program.graph.nodes):
        return program, ()
    program = copied(program)
    graph = program.graph_module.graph
    sentences = []
    for node in list(graph.nodes):
        if not _is_end(node):
            continue
        root, chain = _chain(node)
        numbers = torch.arange(math.prod(_shape(root))).reshape(_shape(root))
        found = _recognized(numbers, _replayed(numbers, chain))
        if found is None or operator_name(found[0]) not in operators:
            continue
        target, parameter = found
        with graph.inserting_after(node):
            new = graph.call_function(target, (root, parameter))
        new.meta = dict(node.meta)
        node.replace_all_uses_with(new)
        sentences.append(
            f"{module_path(node)}: {len(chain)} views and permutations became "
            f"{operator_name(target)}({parameter})"
        )
    return finish(program), tuple(sentences)


def _is_move(node: Node) -> bool:
    return node.op == "call_function" and operator_name(node.target) in _MOVES


def _is_end(node: Node) -> bool:
    """Return whether ``node`` is a feature map again after an excursion to a rank above 4."""
    if not _is_move(node) or len(_shape(node)) != 4:
        return False
    root, chain = _chain(node)
    return (
        len(_shape(root)) == 4
        and max(len(_shape(step)) for step in chain) > 4
        and math.prod(_shape(root)) <= _LARGEST
    )


def _chain(node: Node) -> tuple[Node, list[Node]]:
    """Walk back to the feature map that the moves started from."""
    chain = [node]
    while _is_move(source := chain[-1].all_input_nodes[0]) and len(_shape(source)) != 4:
        chain.append(source)
    return chain[-1].all_input_nodes[0], chain[::-1]


def _shape(node: Node) -> tuple[int, ...]:
    value = node.meta.get("val")
    return tuple(int(size) for size in value.shape) if isinstance(value, torch.Tensor) else ()


def _replayed(numbers: Tensor, chain: list[Node]) -> Tensor:
    for step in chain:
        numbers = step.target(numbers, *step.args[1:], **step.kwargs)  # type: ignore[operator]
    return numbers


def _recognized(before: Tensor, after: Tensor) -> tuple[object, int] | None:
    (_, channels, height, width), (_, fewer, taller, _) = before.shape, after.shape
    if taller > height and taller % height == 0:
        factor = taller // height
        if fewer * factor**2 == channels and _same(aten.pixel_shuffle, before, after, factor):
            return aten.pixel_shuffle.default, factor
    elif taller < height and height % taller == 0:
        factor = height // taller
        if width % factor == 0 and _same(aten.pixel_unshuffle, before, after, factor):
            return aten.pixel_unshuffle.default, factor
    elif before.shape == after.shape:
        for groups in range(2, channels):
            if channels % groups == 0 and _same(aten.channel_shuffle, before, after, groups):
                return aten.channel_shuffle.default, groups
    return None


def _same(function: object, before: Tensor, after: Tensor, parameter: int) -> bool:
    return torch.equal(function(before, parameter), after)  # type: ignore[operator]
