"""Tensors in torch's own order of axes, where channels last is of no use.

Feature maps are N×H×W×C, and nothing of a network of convolutions needs anything else. Attention
does: its products are of the last two axes of torch's. What has its axes permuted in a way that
nobody can absorb is laid out by one TRANSPOSE, between two RESHAPEs, and the report says so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk_converters.tflite.registry import Value

Places = NDArray[np.int64]


def plain(value: Value) -> Value:
    """The value with torch's axes in torch's order, whatever its rank."""
    places = places_of(value)
    return Value(_laid_out(value.tensor, places, value.shape), value.shape)


def wrapped(tensor: Any, shape: tuple[int, ...]) -> Value:
    """A tensor in torch's order of axes as a value: of rank 4, with a permutation pending."""
    if len(shape) != 4:
        return Value(tensor, shape)
    places = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    return Value(tensor, shape, None, places)


def channels_last(value: Value) -> Value:
    """The value as handlers expect it: N×H×W×C if its rank is 4, torch's axes otherwise."""
    if value.places is None:
        return value
    places, shape = value.places, value.shape
    if len(shape) == 4:
        places, shape = places.transpose(0, 2, 3, 1), (shape[0], *shape[2:], shape[1])
    return Value(_laid_out(value.tensor, places, shape), value.shape)


def places_of(value: Value) -> Places:
    """Place of each element in the memory of the tensor, in torch's shape."""
    if value.places is not None:
        return value.places
    shape = tuple(int(size) for size in value.tensor.shape)
    places: Places = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    if value.order is not None:
        places = places[..., list(value.order)]
    return places.transpose(0, 3, 1, 2) if places.ndim == 4 else places


def moves(value: Value, *, to_plain: bool) -> bool:
    """Whether laying the value out takes a TRANSPOSE."""
    places = places_of(value)
    if len(value.shape) == 4 and not to_plain:
        places = places.transpose(0, 2, 3, 1)
    flat = places.reshape(-1)
    return not np.array_equal(flat, np.arange(flat.size))


def _laid_out(tensor: Any, places: Places, shape: tuple[int, ...]) -> Any:
    import tensorflow as tf

    flat = places.reshape(-1)
    if not np.array_equal(flat, np.arange(flat.size)):
        digits = _digits(flat)
        if digits is None:
            tensor = tf.gather(tf.reshape(tensor, [-1]), flat.astype(np.int32))
        else:
            order = sorted(range(len(digits)), key=lambda index: -digits[index][1])
            tensor = tf.reshape(tensor, [digits[index][0] for index in order])
            tensor = tf.transpose(tensor, [order.index(index) for index in range(len(digits))])
    return tensor if tuple(tensor.shape) == shape else tf.reshape(tensor, shape)


def _digits(flat: Places) -> list[tuple[int, int]] | None:
    """Sizes and strides, the slowest first, by which memory is read; ``None`` if there are none.

    place = first + i₁·stride₁ + i₂·stride₂ + …, as few axes as there are.
    """
    digits: list[tuple[int, int]] = []
    block = 1
    while block < flat.size:
        steps = flat[::block] - flat[0]
        stride = int(steps[1])
        fits = steps == np.arange(steps.size) * stride
        run = int(steps.size if fits.all() else np.argmin(fits))
        while (flat.size // block) % run:
            run -= 1
        if run < 2 or stride < 1:
            return None
        digits.append((run, stride))
        block *= run
    digits.reverse()
    expected = 1
    for size, stride in sorted(digits, key=lambda digit: digit[1]):
        if stride != expected:
            return None
        expected *= size
    rebuilt = np.zeros(1, np.int64)
    for size, stride in digits:
        rebuilt = (rebuilt[:, None] + np.arange(size) * stride).reshape(-1)
    return digits if expected == flat.size and np.array_equal(rebuilt, flat) else None
