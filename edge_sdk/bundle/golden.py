"""Golden vectors: what every graph of a bundle gives on a drawn input, at drawn places.

A device draws the input by integers, runs the graph, and compares: so it knows before the first
picture whether its own processor, GPU or NPU computes what was trained.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle.generator import Group, Layer, drawn, positions
from edge_sdk.errors import BundleError, InputError
from edge_sdk.json_records import Head, from_json

FORMAT = "edge-sdk golden vectors"
VERSION = 1
VALUES = 96
"""Places of an output that are compared."""
_SEED = 7
DIGITS = 7
"""Significant digits that are kept of a value: float32 has little more."""
MOST_INPUT, MOST_OUTPUT, MOST_VALUES = 1 << 24, 1 << 26, 4096
"""Elements of an input and of an output, and places, that a vector may have."""
MOST_LAYERS, MOST_CELL, MOST_VALUE = 64, 256, 1 << 24
"""Layers of a vector, and cell and values of one, at most."""
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class GoldenVector:
    """One graph's output on one input.

    Attributes:
        groups: how the input is drawn.
        input: its shape, N×C×H×W.
        output: shape of the output, N×C×H×W or as the model gives it.
        seed: of the places.
        values: the output there, in the order of the places.
    """

    groups: tuple[Group, ...]
    input: tuple[int, ...]
    output: tuple[int, ...]
    seed: int
    values: tuple[float, ...]

    def drawn(self) -> NDArray[np.float32]:
        """The input, float32 of shape ``input``."""
        return drawn(self.groups, *self.input[-2:])

    def snr_db(self, output: NDArray[np.float32]) -> float:
        """Signal over noise of an output at the places: 10·log₁₀(Σv² / Σ(o − v)²).

        Raises:
            BundleError: if the output has another shape.
        """
        if output.shape != self.output:
            raise BundleError(
                f"gives {'×'.join(map(str, output.shape))}, not {'×'.join(map(str, self.output))}",
                "golden",
            )
        places = positions(self.seed, len(self.values), output.size)
        expected = np.array(self.values, np.float64)
        off = output.reshape(-1)[places].astype(np.float64) - expected
        error = float(np.square(off).sum())
        if not math.isfinite(error):
            return -math.inf
        return math.inf if error == 0 else 10 * math.log10(float(np.square(expected).sum()) / error)


def measured(network: Network, groups: tuple[Group, ...], shape: tuple[int, ...]) -> GoldenVector:
    """The golden vector of a network.

    Args:
        network: float32 arrays to float32 arrays.
        groups: how its input is drawn.
        shape: of the input.
    """
    output = network(drawn(groups, *shape[-2:]))
    values = output.reshape(-1)[positions(_SEED, VALUES, output.size)]
    rounded = tuple(float(f"{value:.{DIGITS}g}") for value in values.tolist())
    return GoldenVector(groups, shape, tuple(output.shape), _SEED, rounded)


def write_golden(vectors: Mapping[str, GoldenVector]) -> bytes:
    """``golden.json``: vectors by key."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "vectors": {key: asdict(vectors[key]) for key in sorted(vectors)},
    }
    return json.dumps(content, separators=(",", ":")).encode()


@dataclass(frozen=True)
class _Golden:
    vectors: dict[str, GoldenVector]


def read_golden(text: bytes, name: str) -> dict[str, GoldenVector]:
    """Read ``golden.json``.

    Raises:
        BundleError: if it is of another version, or damaged.
    """
    try:
        head = from_json(Head, text)
        if (head.format, head.version) != (FORMAT, VERSION):
            raise BundleError(
                f"{name}: is no {FORMAT} of version {VERSION}; pack the bundle anew", "golden"
            )
        vectors = from_json(_Golden, text).vectors
    except InputError as error:
        raise BundleError(f"{name}: {error}; pack the bundle anew", "golden") from error
    for key, vector in vectors.items():
        _check(key, vector, name)
    return vectors


def _drawable(layer: Layer) -> bool:
    """Whether a layer stays within integers of 53 bits."""
    cell = 0 < layer.cell <= MOST_CELL and layer.cell & (layer.cell - 1) == 0
    seed = 0 <= layer.seed < 1 << 31
    return cell and seed and -MOST_VALUE <= layer.low <= layer.high <= MOST_VALUE


def _check(key: str, vector: GoldenVector, name: str) -> None:
    """Refuse what would draw more than any stage takes, or compare nothing."""
    shape = vector.input
    channels = sum(group.channels for group in vector.groups)
    layers = [layer for group in vector.groups for layer in group.layers]
    fine = (
        len(shape) == 4
        and shape[0] == 1
        and min(shape) > 0
        and math.prod(shape) <= MOST_INPUT
        and shape[1] == channels
        and all(group.channels > 0 for group in vector.groups)
        and len(layers) <= MOST_LAYERS
        and all(_drawable(layer) for layer in layers)
    )
    size = math.prod(vector.output) if vector.output and min(vector.output) > 0 else 0
    if not fine or not 0 < size <= MOST_OUTPUT or not 0 < len(vector.values) <= MOST_VALUES:
        raise BundleError(
            f"{name}: the vector {key} cannot be drawn; pack the bundle anew", "golden"
        )
    if not 0 <= vector.seed < 1 << 31 or not all(map(math.isfinite, vector.values)):
        raise BundleError(
            f"{name}: the vector {key} has impossible values; pack the bundle anew", "golden"
        )
