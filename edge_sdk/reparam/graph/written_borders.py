"""Padding whose borders are then written over, as blocks do that pad with a bias."""

from __future__ import annotations

import operator as python_operator
from dataclasses import replace

import torch
from torch import Tensor, fx

from edge_sdk.errors import FusionError
from edge_sdk.reparam.graph.linear_functions import Constants
from edge_sdk.reparam.graph.tracing import shape_of
from edge_sdk.reparam.linear.operator import LinearOperator


def is_write(node: fx.Node) -> bool:
    """Whether a node is ``x[…] = value``."""
    return node.target is python_operator.setitem


def writes_to(node: fx.Node) -> list[fx.Node]:
    """The writes ``node[…] = value``, not those of which it is the value."""
    return [user for user in node.users if is_write(user) and user.args[0] is node]


def with_written_border(
    node: fx.Node, own: LinearOperator, constants: Constants
) -> LinearOperator | None:
    """Operator of a node with the writes to its value; ``None`` if those make it not linear.

    ``x = F.pad(x, …); x[:, :, :1, :] = b; …`` pads with b if just the four borders are written,
    each counted from its own end, so that they are the borders of a picture of any size.

    Raises:
        FusionError: if a write counts to a fixed row or column.
    """
    writes = writes_to(node)
    if not writes:
        return own
    shape, pad = shape_of(node), own.padding
    assert shape is not None
    pads_only = own.kernel.shape[2:] == (1, 1) and own.stride == (1, 1)
    eye = torch.eye(shape[1], dtype=own.kernel.dtype)
    if not pads_only or own.bias.any() or not torch.equal(own.kernel[:, :, 0, 0], eye):
        return None
    borders = {(2, pad.top), (2, -pad.bottom), (3, pad.left), (3, -pad.right)}
    expected = {(axis, size) for axis, size in borders if size}
    written: dict[tuple[int, int], Tensor] = {}
    for write in writes:
        span = _span(write.args[1], shape[1])
        value = _per_channel(write.args[2], constants, shape[1])
        if span is None or value is None:
            return None
        written[span] = value
    values = list(written.values())
    same = all(torch.equal(value, values[0]) for value in values)
    if set(written) != expected or not same:
        return None
    return replace(own, pad_value=values[0])


def _per_channel(written: object, constants: Constants, channels: int) -> Tensor | None:
    value = constants.get(written) if isinstance(written, fx.Node) else written
    if isinstance(value, bool) or not isinstance(value, Tensor | int | float):
        return None
    tensor = torch.as_tensor(value, dtype=torch.float64)
    fits = tensor.numel() == 1 or tensor.shape in ((channels, 1, 1), (1, channels, 1, 1))
    return tensor.flatten().expand(channels) if fits else None


def _span(index: object, channels: int) -> tuple[int, int] | None:
    """Axis and size of the one border that an index names, the size negative at the far end.

    Raises:
        FusionError: if it names rows or columns that are no border of a picture of another size.
    """
    if not isinstance(index, tuple) or not all(isinstance(part, slice) for part in index):
        return None
    spans = []
    for axis, part in enumerate(index):
        whole = part.start in (None, 0) and part.stop is None
        # The number of channels is the model's own; batch, height and width are the picture's.
        whole = whole or (axis == 1 and part.start in (None, 0) and part.stop == channels)
        if part.step not in (None, 1):
            return None
        if not whole:
            spans.append((axis, _border_size(part)))
    return spans[0] if len(spans) == 1 else None


def _border_size(part: slice) -> int:
    start, stop = part.start, part.stop
    if start in (None, 0) and isinstance(stop, int) and stop > 0:
        return stop
    if isinstance(start, int) and start < 0 and stop is None:
        return start
    raise FusionError(
        "it writes to a fixed row or column, which is no border of pictures of another size; count "
        "each border from its own end, such as [:1] and [-1:]"
    )
