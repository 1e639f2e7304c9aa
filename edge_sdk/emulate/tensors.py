"""Checks that every runner makes on the arrays it is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_sdk.emulate.runner import Arrays
from edge_sdk.errors import ArtifactError


def check_inputs(path: Path, inputs: Arrays, expected: dict[str, tuple[int, ...]]) -> None:
    """Compare arrays with what the artifact takes.

    Args:
        path: the artifact, for the message.
        inputs: arrays by name.
        expected: shapes in PyTorch's order of axes, by name; all float32.

    Raises:
        ArtifactError: if a name, a shape or an element type differs.
    """
    if set(inputs) != set(expected):
        raise ArtifactError(
            f"{path}: takes inputs {', '.join(expected)}, not {', '.join(inputs) or 'none'}; "
            "rename the arrays"
        )
    for name, shape in expected.items():
        array = inputs[name]
        if tuple(array.shape) != shape:
            raise ArtifactError(
                f"{path}: input '{name}' takes shape {shape}, not {tuple(array.shape)}; "
                "tile or resize the picture, or convert for that shape"
            )
        if array.dtype != np.float32:
            raise ArtifactError(
                f"{path}: input '{name}' takes float32, not {array.dtype}; convert the array"
            )


def channels_first(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """N×H×W×C → N×C×H×W; arrays of another rank stay as they are."""
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array


def channels_last(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """N×C×H×W → N×H×W×C; arrays of another rank stay as they are."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array
