"""Whether a file stores the codes that it was made from."""

from __future__ import annotations

import numpy as np

from edge_sdk.artifacts.codes.layers import Code, StoredCodes, StoredLayer
from edge_sdk.quantization.scheme import LOWEST

HALF_STEP = 2.0**-10
"""Relative error of a number in half precision, in which Core ML keeps steps and biases, doubled:
the bias was rounded to a multiple of a step before."""
MIN_BIAS = 1e-6


def code_faults(stored: StoredCodes, expected: StoredCodes) -> tuple[str, ...]:
    """Name what a file stores that the graph it was made from does not hold, and what it lacks.

    The codes of activations are compared as a set: formats repeat them, and order parallel branches
    as they like. A code of the file may count one of the graph's steps from 0 upwards where the
    graph has a PReLU, which some targets hold in two halves. Each layer of the graph must be in the
    file once, channel by channel; their order is free only next to a shuffle of channels, and a
    transposed convolution may be written as another layer.

    Args:
        stored: what the file holds.
        expected: what the graph holds.

    Returns:
        One phrase for each fault; none if the file is right.
    """
    faults = [
        f"codes with {_named(code)}, which the quantized model has not"
        for code in dict.fromkeys(stored.activations)
        if not any(_is_same(code, other, expected.halves) for other in expected.activations)
    ]
    faults += [
        f"no codes with {_named(code)}, which the quantized model has"
        for code in dict.fromkeys(expected.activations)
        if not any(_is_same(other, code, halves=False) for other in stored.activations)
    ]
    return (*faults, *_layer_faults(stored, expected))


def _layer_faults(stored: StoredCodes, expected: StoredCodes) -> list[str]:
    if stored.layers is None or expected.layers is None:
        return []
    faults, left = [], list(stored.layers)
    for expected_layer in expected.layers:
        candidates = [each for each in left if each.weight.shape == expected_layer.weight.shape]
        found = next((each for each in candidates if _is_layer(each, expected_layer)), None)
        if found is not None:
            left.remove(found)
        elif candidates or not expected_layer.order.form:
            faults.append(
                f"other weights, steps or bias of {expected_layer.name} than the quantized model"
            )
    return faults


def _named(code: Code) -> str:
    return f"step {code.scale:.4g} and zero point {code.zero_point}"


def _is_same(one: Code, other: Code, halves: bool) -> bool:
    near = abs(one.scale - other.scale) <= HALF_STEP * other.scale
    return near and (one.zero_point == other.zero_point or (halves and one.zero_point == LOWEST))


def _is_layer(found: StoredLayer, expected_layer: StoredLayer) -> bool:
    one, other = found.weight, expected_layer.weight
    if expected_layer.order.inputs:
        one, other = (_inputs_sorted(each) for each in (one, other))
    rows: tuple[slice | np.ndarray, ...] = (slice(None), slice(None))
    if expected_layer.order.outputs:
        rows = (_by_weight(one, found.bias), _by_weight(other, expected_layer.bias))
    if not np.array_equal(one[rows[0]], other[rows[1]]):
        return False
    steps, biases = expected_layer.scales[rows[1]], expected_layer.bias[rows[1]]
    return bool(
        np.allclose(found.scales[rows[0]], steps, rtol=HALF_STEP, atol=0)
        and np.allclose(found.bias[rows[0]], biases, rtol=HALF_STEP, atol=MIN_BIAS)
    )


def _inputs_sorted(weight: np.ndarray) -> np.ndarray:
    """The weight with its input channels in an order that depends on their values alone."""
    columns = weight.swapaxes(0, 1).reshape(weight.shape[1], -1)
    return weight[:, np.lexsort(columns.T[::-1])]


def _by_weight(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Order of the output channels by their weights, then by their bias."""
    flat = weight.reshape(weight.shape[0], -1)
    return np.lexsort((bias, *flat.T[::-1]))
