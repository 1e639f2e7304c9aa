"""Operators as formulas of simpler ones, for targets that have only those.

Each function takes the arguments of its operator and traces to the formula; ``NotImplemented``
leaves the operator as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk_converters.rewrites.window_formulas import WINDOWED

if TYPE_CHECKING:
    from torch import Tensor

aten = torch.ops.aten


def amax(x: Tensor, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest value along axes, which are kept and dropped afterwards."""
    if keepdim:
        return NotImplemented
    axes = [axis % x.dim() for axis in dim] or list(range(x.dim()))
    left = [size for axis, size in enumerate(x.shape) if axis not in axes]
    return aten.amax.default(x, axes, True).reshape(left)


def max_along(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The largest values of an axis, and their places."""
    kept = aten.amax.default(x, [dim], True)
    values: Tensor = kept if keepdim else kept.squeeze(dim)
    return values, aten.argmax.default(x, dim, keepdim)


def hypot(x: Tensor, y: Tensor) -> Tensor:
    """√(x² + y²)."""
    return torch.sqrt(x * x + y * y)


def trunc(x: Tensor) -> Tensor:
    """Rounding towards 0."""
    return torch.sign(x) * torch.floor(torch.abs(x))


def fmod(x: Tensor, y: Any) -> Tensor:
    """The remainder with the sign of ``x``."""
    return torch.sign(x) * torch.remainder(torch.abs(x), abs(y))


def clamp(x: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor:
    """Between bounds that are tensors; where they cross, the upper one."""
    if min is not None:
        x = torch.maximum(x, min)
    return x if max is None else torch.minimum(x, max)


def either(x: Tensor, y: Any) -> Any:
    """Masks of which one or both hold."""
    return torch.logical_or(x, y) if _are_masks(x, y) else NotImplemented


def one_alone(x: Tensor, y: Any) -> Any:
    """Masks of which one holds."""
    return torch.logical_xor(x, y) if _are_masks(x, y) else NotImplemented


def _are_masks(x: Tensor, y: Any) -> bool:
    return isinstance(y, torch.Tensor) and x.dtype == y.dtype == torch.bool


def divided(x: Tensor, y: Any, *, rounding_mode: str | None = None) -> Any:
    """A quotient that is rounded down, or towards 0."""
    if rounding_mode == "floor":
        return torch.floor_divide(x, y)
    return trunc(x / y) if rounding_mode == "trunc" else x / y


def prod(x: Tensor, dim: int, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """A product along an axis, by halves."""
    if dtype is not None and dtype != x.dtype:
        return NotImplemented
    while (size := int(x.shape[dim])) > 1:
        half = size // 2
        rest = [aten.slice.Tensor(x, dim, 2 * half, size)] if size % 2 else []
        product = aten.slice.Tensor(x, dim, 0, half) * aten.slice.Tensor(x, dim, half, 2 * half)
        x = torch.cat([product, *rest], dim) if rest else product
    return x if keepdim else x.squeeze(dim)


def sort(x: Tensor, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
    """All values of an axis as its largest or least ones, which come in order."""
    found = aten.topk.default(x, int(x.shape[dim]), dim, descending)
    return found[0], found[1]


def median(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The lower of the middle values, as the last of the lower half in order."""
    count = (int(x.shape[dim]) + 1) // 2
    least = aten.topk.default(x, count, dim, False)
    values, indices = (aten.slice.Tensor(each, dim, count - 1, count) for each in least)
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


OWN: dict[Any, Any] = {
    **WINDOWED,
    aten.amax.default: amax,
    aten.__or__.Tensor: either,
    aten.__xor__.Tensor: one_alone,
    aten.bitwise_or.Tensor: either,
    aten.bitwise_xor.Tensor: one_alone,
    aten.clamp.Tensor: clamp,
    aten.div.Scalar_mode: divided,
    aten.div.Tensor_mode: divided,
    aten.fmod.Scalar: fmod,
    aten.fmod.Tensor: fmod,
    aten.hypot.default: hypot,
    aten.max.dim: max_along,
    aten.median.dim: median,
    aten.prod.dim_int: prod,
    aten.sort.default: sort,
    aten.trunc.default: trunc,
}
"""The formulas by operator."""
