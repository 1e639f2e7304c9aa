"""Views, permutations and flattenings: no data moves as long as somebody can absorb the order.

Each such operator is followed on the places that the elements have in the memory of the
channels-last tensor. If the result runs through that memory in order, it is a RESHAPE or nothing;
if only the last axis is permuted, the permutation is left to the weights that read it
(:attr:`Value.order`); otherwise it stays pending for the next operator of this kind, and what never
comes back into order is laid out by a TRANSPOSE (:mod:`edge_sdk_converters.tflite.layout`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.layout import Places, places_of
from edge_sdk_converters.tflite.registry import Call, Order, Value, handles


@handles("view", "_unsafe_view", "squeeze", "unsqueeze", any_order=True, any_places=True)
def view(call: Call) -> Value:
    """Change the shape; elements keep torch's order among themselves."""
    x: Value = next(iter(call.arguments.values()))
    if x.shape == call.shape:
        return x
    if x.places is None and x.order is None and _plain(x.shape) and _plain(call.shape):
        return Value(_reshaped(x.tensor, call.shape), call.shape)
    return settled(x, places_of(x).reshape(call.shape))


@handles("permute", "transpose", "t", any_order=True, any_places=True)
def permute(call: Call) -> Value:
    """Exchange axes."""
    x: Value = call["self"]
    rank = len(x.shape)
    name = operator_name(call.node.target)
    if name == "permute":
        dims = [dim % rank for dim in call["dims"]]
    else:
        first, second = (call["dim0"], call["dim1"]) if name == "transpose" else (0, rank - 1)
        dims = list(range(rank))
        dims[first], dims[second] = dims[second % rank], dims[first % rank]
    return settled(x, places_of(x).transpose(dims))


@handles("channel_shuffle", any_order=True)
def channel_shuffle(call: Call) -> Value:
    """Channel shuffle, c·g + i ← i·C/g + c: an order that the next convolution absorbs."""
    x: Value = call["self"]
    names = torch.arange(x.shape[1]).reshape(call["groups"], -1).t().flatten().tolist()
    held = x.order if x.order is not None else tuple(range(x.shape[1]))
    call.note("its channel shuffle is an order of channels that the next layer reads")
    return Value(x.tensor, x.shape, tuple(held[name] for name in names))


def settled(x: Value, places: Places) -> Value:
    """Value whose elements lie at ``places`` of ``x``'s memory; pending if that has no layout."""
    shape = tuple(int(size) for size in places.shape)
    laid_out = places.transpose(0, 2, 3, 1) if places.ndim == 4 else places
    order = _last_axis_order(laid_out)
    if order is not None:
        identity = tuple(range(len(order)))
        return Value(_reshaped(x.tensor, shape), shape, None if order == identity else order)
    if len(x.tensor.shape) == 2 and len(shape) == 4 and x.shape[0] == shape[0]:
        return _gathered(x, laid_out, shape)
    return Value(x.tensor, shape, None, places)


def _last_axis_order(laid_out: Places) -> Order | None:
    """Order of the last axis if all other axes run through memory as they should."""
    if laid_out.ndim == 0:
        return ()
    rows = laid_out.reshape(-1, laid_out.shape[-1])
    relative = rows - np.arange(rows.shape[0], dtype=np.int64)[:, None] * rows.shape[1]
    order = relative[0]
    if not np.array_equal(np.sort(order), np.arange(rows.shape[1])):
        return None
    return tuple(order.tolist()) if np.all(relative == order) else None


def _gathered(x: Value, laid_out: Places, shape: tuple[int, ...]) -> Value:
    """Vector per picture → feature map, through one GATHER."""
    import tensorflow as tf

    rows = laid_out.reshape(shape[0], -1)
    relative = rows - np.arange(shape[0], dtype=np.int64)[:, None] * rows.shape[1]
    if not np.all(relative == relative[0]):
        return Value(x.tensor, shape, None, laid_out.transpose(0, 3, 1, 2))
    vector = tf.gather(x.tensor, relative[0].astype(np.int32), axis=-1)
    return Value(_reshaped(vector, shape), shape)


def _reshaped(tensor: Any, shape: tuple[int, ...]) -> Any:
    import tensorflow as tf

    target = (shape[0], shape[2], shape[3], shape[1]) if len(shape) == 4 else shape
    return tensor if tuple(tensor.shape) == target else tf.reshape(tensor, target)


def _plain(shape: tuple[int, ...]) -> bool:
    """Return whether the elements run in the same order in torch's layout and channels-last."""
    return len(shape) != 4 or shape[1] == 1 or shape[2] * shape[3] == 1
