"""Scales and zero points of files as sets, as tests compare them with a scheme's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_sdk.artifacts.codes.layers import StoredCodes
from edge_sdk.artifacts.codes.reading import read_codes

Code = tuple[float, int]


def stored(path: Path) -> StoredCodes:
    found = read_codes(path)
    assert found is not None
    return found


def activation_codes(path: Path) -> set[Code]:
    """(scale, zero point) of the activations of a file."""
    return {(float(np.float32(scale)), point) for scale, point in stored(path).activations}


def layer_scales(path: Path) -> set[float]:
    """Scales of the weights of a file's layers."""
    layers = stored(path).layers
    assert layers is not None
    return {float(scale) for layer in layers for scale in layer.scales}
