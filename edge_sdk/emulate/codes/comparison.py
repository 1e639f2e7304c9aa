"""Whether a file stores the codes that it was made from."""

from __future__ import annotations

import numpy as np

from edge_sdk.emulate.codes.stored import Code, StoredCodes, StoredLayer
from edge_sdk.quantize.scheme import LOWEST

HALF_STEP = 2.0**-10
"""Relative error of a number in half precision, in which Core ML keeps steps and biases, doubled:
the bias was rounded to a multiple of a step before."""


def code_faults(stored: StoredCodes, expected: StoredCodes) -> tuple[str, ...]:
    """Name what a file stores that the graph it was made from does not hold.

    A converter may leave codes out (an activation that it fuses) and rewrite layers (a PReLU as
    convolutions, channels in another order). So every code of the file must be one of the graph,
    or one of its steps counted from 0 upwards (a PReLU's halves), and a layer of the graph must be
    in the file, but for the order of its output channels, where the file has as many layers of its
    shape.

    Args:
        stored: what the file holds.
        expected: what the graph holds.

    Returns:
        One phrase for each fault; none if the file is right.
    """
    known = expected.activations
    faults = [
        f"codes with step {code.scale:.4g} and zero point {code.zero_point}, which the quantised "
        "model has not"
        for code in dict.fromkeys(stored.activations)
        if not any(_is_same(code, other) for other in known)
    ]
    for wanted in expected.layers:
        rivals = [each for each in stored.layers if each.weight.shape == wanted.weight.shape]
        peers = [each for each in expected.layers if each.weight.shape == wanted.weight.shape]
        whole = len(rivals) >= len(peers)
        if whole and not any(_is_layer(each, wanted) for each in rivals):
            faults.append(f"other weights, steps or bias of {wanted.name} than the quantised model")
    return tuple(faults)


def _is_same(one: Code, other: Code) -> bool:
    near = abs(one.scale - other.scale) <= HALF_STEP * other.scale
    return near and one.zero_point in (other.zero_point, LOWEST)


def _is_layer(found: StoredLayer, wanted: StoredLayer) -> bool:
    one, other = (_rows(each) for each in (found, wanted))
    if not np.array_equal(found.weight[one].reshape(-1), wanted.weight[other].reshape(-1)):
        return False
    steps = np.allclose(found.scales[one], wanted.scales[other], rtol=HALF_STEP, atol=0)
    largest = float(np.abs(wanted.bias).max(initial=0.0))
    biases = np.allclose(
        found.bias[one], wanted.bias[other], rtol=0, atol=HALF_STEP * largest + 1e-12
    )
    return bool(steps and biases)


def _rows(layer: StoredLayer) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Order of the output channels by their weights, then by their bias."""
    flat = layer.weight.reshape(layer.weight.shape[0], -1)
    return np.lexsort((layer.bias, *flat.T[::-1]))
