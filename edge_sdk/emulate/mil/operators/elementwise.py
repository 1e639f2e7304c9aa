"""Arithmetic, comparison and selection, element by element."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.registry import op

_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs,
    "acos": torch.acos,
    "asin": torch.asin,
    "atan": torch.atan,
    "atanh": torch.atanh,
    "ceil": torch.ceil,
    "cos": torch.cos,
    "cosh": torch.cosh,
    "erf": torch.erf,
    "exp": torch.exp,
    "exp2": torch.exp2,
    "floor": torch.floor,
    "logical_not": torch.logical_not,
    "round": torch.round,
    "sign": torch.sign,
    "sin": torch.sin,
    "sinh": torch.sinh,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "tan": torch.tan,
    "tanh": torch.tanh,
}

_BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": torch.add,
    "equal": torch.eq,
    "floor_div": torch.floor_divide,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "less": torch.lt,
    "less_equal": torch.le,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    # As Core ML has it, with the sign of x; PyTorch's remainder has that of y.
    "mod": torch.fmod,
    "mul": torch.mul,
    "not_equal": torch.ne,
    "pow": torch.pow,
    "real_div": torch.div,
    "sub": torch.sub,
}


def _register_unary(kind: str, function: Callable[[Tensor], Tensor]) -> None:
    @op(kind)
    def unary(args: Arguments) -> Tensor:
        return function(args.tensor("x"))


def _register_binary(kind: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    @op(kind)
    def binary(args: Arguments) -> Tensor:
        return function(args.tensor("x"), args.tensor("y"))


for _kind, _function in _UNARY.items():
    _register_unary(_kind, _function)
for _kind, _pair_function in _BINARY.items():
    _register_binary(_kind, _pair_function)


@op("cast", "identity")
def _as_is(args: Arguments) -> Tensor:
    # The interpreter converts to the declared dtype; towards zero from float to integer.
    return args.tensor("x")


@op("clip")
def _clip(args: Arguments) -> Tensor:
    return args.tensor("x").clamp(args.number("alpha"), args.number("beta"))


@op("inverse")
def _inverse(args: Arguments) -> Tensor:
    return 1 / (args.tensor("x") + args.number("epsilon", 1e-4))


@op("log")
def _log(args: Arguments) -> Tensor:
    return torch.log(args.tensor("x") + args.number("epsilon", 1e-45))


@op("rsqrt")
def _rsqrt(args: Arguments) -> Tensor:
    return torch.rsqrt(args.tensor("x") + args.number("epsilon", 1e-12))


@op("select")
def _select(args: Arguments) -> Tensor:
    return torch.where(args.tensor("cond").bool(), args.tensor("a"), args.tensor("b"))
