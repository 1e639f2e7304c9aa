"""Golden vectors: what every graph of a bundle gives on a drawn input, at drawn places.

A device draws the input by integers, runs the graph, and compares: so it knows before the first
picture whether its own processor, GPU or NPU computes what was trained.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle.generator import Fill, Group, Layer, drawn, positions
from edge_sdk.errors import BundleError, InputError
from edge_sdk.json_records import Head, Record, read_record

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
"""Layers and fills of a vector, and cell and values of one, at most."""
MOST_DRAWN, MOST_CHANNELS = 1 << 27, 4096
"""Values that are drawn for a vector, over all layers, and its channels, at most."""
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
        return signal_over_noise_db(output.reshape(-1)[places], self.values)


def signal_over_noise_db(found: NDArray[np.float32], expected: Sequence[float]) -> float:
    """10·log₁₀(Σ e² / Σ (f − e)²) of values f and what is expected, e; −∞ for no numbers."""
    known = np.array(expected, np.float64)
    error = float(np.square(found.astype(np.float64) - known).sum())
    if not math.isfinite(error):
        return -math.inf
    return math.inf if error == 0 else 10 * math.log10(max(np.square(known).sum(), 1e-30) / error)


def rounded(value: float) -> float:
    """A value to ``DIGITS`` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def measured(network: Network, groups: tuple[Group, ...], shape: tuple[int, ...]) -> GoldenVector:
    """The golden vector of a network.

    Args:
        network: float32 arrays to float32 arrays.
        groups: how its input is drawn.
        shape: of the input.
    """
    output = network(drawn(groups, *shape[-2:]))
    values = output.reshape(-1)[positions(_SEED, VALUES, output.size)]
    kept = tuple(rounded(value) for value in values.tolist())
    return GoldenVector(groups, shape, tuple(output.shape), _SEED, kept)


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


def read_vectors(kind: type[Record], text: bytes, name: str, head: Head) -> Record:
    """Read a file of vectors as a record.

    Args:
        kind: of the record.
        text: its JSON.
        name: of the file, for messages.
        head: format and version that it must have.

    Raises:
        BundleError: if it has another, or is damaged.
    """
    try:
        return read_record(kind, text, head)
    except InputError as error:
        raise BundleError(f"{name}: {error}; pack the bundle anew", "golden") from error


def read_golden(text: bytes, name: str) -> dict[str, GoldenVector]:
    """Read ``golden.json``.

    Raises:
        BundleError: if it is of another version, or damaged.
    """
    vectors = read_vectors(_Golden, text, name, Head(FORMAT, VERSION)).vectors
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
    plain = len(shape) == 4 and all(0 < side <= MOST_INPUT for side in shape)
    if not plain or shape[0] != 1 or math.prod(shape) > MOST_INPUT or not _drawn_in_time(vector):
        raise BundleError(f"{name}: the vector {key} cannot be drawn; pack it anew", "golden")
    output = vector.output
    sides = 0 < len(output) <= 4 and all(0 < side <= MOST_OUTPUT for side in output)
    finite = all(map(math.isfinite, vector.values)) and any(vector.values)
    compared = 0 < len(vector.values) <= MOST_VALUES and 0 <= vector.seed < 1 << 31
    if not sides or math.prod(output) > MOST_OUTPUT or not finite or not compared:
        raise BundleError(f"{name}: the vector {key} compares nothing; pack it anew", "golden")


def _drawn_in_time(vector: GoldenVector) -> bool:
    """Whether an input is drawn by few enough operations, on integers of 53 bits."""
    area = math.prod(vector.input[2:])
    layers = [layer for group in vector.groups for layer in group.layers]
    fills = [fill for group in vector.groups for fill in group.fills]
    if max(len(layers), len(fills)) > MOST_LAYERS:
        return False
    if not all(0 < group.channels <= MOST_CHANNELS for group in vector.groups):
        return False
    work = sum(group.channels * (1 + len(group.layers)) for group in vector.groups) * area
    channels = sum(group.channels for group in vector.groups)
    drawable = all(_drawable(layer) for layer in layers) and all(
        _fillable(fill, vector.input) for fill in fills
    )
    return drawable and work <= MOST_DRAWN and channels == vector.input[1]


def _fillable(fill: Fill, shape: tuple[int, ...]) -> bool:
    rows = 0 <= fill.top <= fill.bottom <= shape[2]
    return rows and 0 <= fill.left <= fill.right <= shape[3] and abs(fill.value) <= 2 * MOST_VALUE
