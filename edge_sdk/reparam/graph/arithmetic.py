"""Sums, differences, products and quotients in a graph, however they are written."""

from __future__ import annotations

import operator as python_operator
from typing import Any

import torch
from torch import fx

from edge_sdk.reparam.graph.linear_functions import Constants

_ARITHMETIC: dict[Any, str] = {
    torch.add: "add",
    python_operator.add: "add",
    python_operator.iadd: "add",
    torch.sub: "sub",
    torch.subtract: "sub",
    python_operator.sub: "sub",
    python_operator.isub: "sub",
    torch.mul: "mul",
    torch.multiply: "mul",
    python_operator.mul: "mul",
    python_operator.imul: "mul",
    torch.div: "div",
    torch.divide: "div",
    python_operator.truediv: "div",
    python_operator.itruediv: "div",
}


def arithmetic_of(node: fx.Node) -> str | None:
    """``add``, ``sub``, ``mul`` or ``div`` for a step of two operands, ``alpha`` aside."""
    kind: str | None = None
    if len(node.args) == 2 and node.op == "call_function":
        kind = _ARITHMETIC.get(node.target)
    elif len(node.args) == 2 and node.op == "call_method":
        kind = {"subtract": "sub", "multiply": "mul", "divide": "div"}.get(
            str(node.target), str(node.target)
        )
        kind = kind if kind in ("add", "sub", "mul", "div") else None
    if node.kwargs and (node.kwargs.keys() != {"alpha"} or kind not in ("add", "sub")):
        return None
    return kind if isinstance(node.kwargs.get("alpha", 1), int | float) else None


def factor_of(node: fx.Node) -> float:
    """What a sum or difference multiplies its second operand by: ±``alpha``."""
    alpha = node.kwargs.get("alpha", 1)
    assert isinstance(alpha, int | float)
    return float(-alpha if arithmetic_of(node) == "sub" else alpha)


def is_uneven(node: fx.Node, constants: Constants) -> bool:
    """Whether a step adds a constant to its input, or multiplies by one: linear by any constant."""
    kind = arithmetic_of(node)
    if kind == "div":
        return isinstance(node.args[0], fx.Node) and node.args[0] not in constants
    return kind is not None and any(part in constants for part in node.all_input_nodes)
