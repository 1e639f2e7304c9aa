"""Reductions and normalizations."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.registry import op

Reduction = Callable[[Tensor, list[int], bool], Tensor]


def _product(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = x.prod(axis, keep)
    return x


_REDUCTIONS: dict[str, Reduction] = {
    "reduce_l1_norm": lambda x, axes, keep: x.abs().sum(axes, keep),
    "reduce_l2_norm": lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep),
    "reduce_log_sum_exp": lambda x, axes, keep: torch.logsumexp(x, axes, keep),
    "reduce_max": lambda x, axes, keep: torch.amax(x, axes, keep),
    "reduce_log_sum": lambda x, axes, keep: x.sum(axes, keep).log(),
    "reduce_mean": lambda x, axes, keep: x.mean(axes, keep),
    "reduce_min": lambda x, axes, keep: torch.amin(x, axes, keep),
    "reduce_prod": _product,
    "reduce_sum": lambda x, axes, keep: x.sum(axes, keep),
    "reduce_sum_square": lambda x, axes, keep: x.square().sum(axes, keep),
}


def _register_reduction(kind: str, function: Reduction) -> None:
    @op(kind)
    def reduction(args: Arguments) -> Tensor:
        x = args.tensor("x")
        return function(x, args.ints("axes", range(x.dim())), args.flag("keep_dims"))


for _kind, _function in _REDUCTIONS.items():
    _register_reduction(_kind, _function)


@op("reduce_argmax")
def _reduce_argmax(args: Arguments) -> Tensor:
    return args.tensor("x").argmax(args.integer("axis", -1), args.flag("keep_dims"))


@op("reduce_argmin")
def _reduce_argmin(args: Arguments) -> Tensor:
    return args.tensor("x").argmin(args.integer("axis", -1), args.flag("keep_dims"))


@op("topk")
def _topk(args: Arguments) -> list[Tensor]:
    x, axis = args.tensor("x"), args.integer("axis", -1)
    count = args.integer("k", 1)
    count = x.shape[axis] if count == -1 else count
    largest = not args.flag("ascending")
    values, places = x.topk(count, axis, largest=largest, sorted=True)
    return [values, places] if args.flag("return_indices", True) else [values]


@op("argsort")
def _argsort(args: Arguments) -> Tensor:
    descending = not args.flag("ascending")
    axis = args.integer("axis", -1)
    return torch.argsort(args.tensor("x"), dim=axis, descending=descending, stable=True)


@op("cumsum")
def _cumsum(args: Arguments) -> Tensor:
    x, axis = args.tensor("x"), args.integer("axis", 0)
    turned = x.flip(axis) if args.flag("reverse") else x
    total = turned.cumsum(axis)
    if args.flag("exclusive"):
        total = total - turned
    return total.flip(axis) if args.flag("reverse") else total


@op("batch_norm")
def _batch_norm(args: Arguments) -> Tensor:
    return F.batch_norm(
        args.tensor("x"),
        args.tensor("mean"),
        args.tensor("variance"),
        args.optional_tensor("gamma"),
        args.optional_tensor("beta"),
        eps=args.number("epsilon", 1e-5),
    )


@op("instance_norm")
def _instance_norm(args: Arguments) -> Tensor:
    return F.instance_norm(
        args.tensor("x"),
        weight=args.optional_tensor("gamma"),
        bias=args.optional_tensor("beta"),
        eps=args.number("epsilon", 1e-5),
    )


@op("layer_norm")
def _layer_norm(args: Arguments) -> Tensor:
    x = args.tensor("x")
    axes = sorted(axis % x.dim() for axis in args.ints("axes", range(x.dim())))
    order = [axis for axis in range(x.dim()) if axis not in axes] + axes
    result = F.layer_norm(
        x.permute(order),
        [x.shape[axis] for axis in axes],
        args.optional_tensor("gamma"),
        args.optional_tensor("beta"),
        args.number("epsilon", 1e-5),
    )
    return result.permute([order.index(axis) for axis in range(x.dim())])
