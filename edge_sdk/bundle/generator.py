"""Tensors and frames drawn by integers alone: any language makes the same, to the bit.

Everything begins with one hash of 32 bits. A *layer* is what it gives at the nodes of a lattice,
interpolated in between; a group of channels is a sum of layers; some cells may be filled with one
number. All values are integers; a tensor's are 2¹⁶ths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ONE = 1 << 16
"""The integer that stands for 1."""
_Integers = NDArray[np.uint32] | np.uint32


@dataclass(frozen=True)
class Layer:
    """Noise on a lattice.

    Attributes:
        seed: of the hash; channels of one group have seeds one after the other.
        cell: pixels from node to node, a power of two; 1 for white noise.
        low: least value.
        high: the value that it stays under.
    """

    seed: int
    cell: int
    low: int
    high: int


@dataclass(frozen=True)
class Fill:
    """A rectangle of one value.

    Attributes:
        top: first row.
        left: first column.
        bottom: row after the last.
        right: column after the last.
        value: the value.
    """

    top: int
    left: int
    bottom: int
    right: int
    value: int


@dataclass(frozen=True)
class Group:
    """Channels that are drawn alike.

    Attributes:
        channels: how many.
        layers: which are added.
        fills: which then replace what is there, one after the other.
    """

    channels: int
    layers: tuple[Layer, ...] = ()
    fills: tuple[Fill, ...] = ()


def hashed(seed: _Integers, row: _Integers, column: _Integers) -> NDArray[np.uint32]:
    """The hash of three numbers, modulo 2³²; they broadcast.

    h = seed·0x9E3779B1 + row·0x85EBCA77 + column·0xC2B2AE3D; then twice h ^= h ≫ 15, h *= odd.
    """
    with np.errstate(over="ignore"):
        h = np.asarray(seed * np.uint32(0x9E3779B1) + row * np.uint32(0x85EBCA77))
        h = h + column * np.uint32(0xC2B2AE3D)
        for odd in (0x2C1B3C6D, 0x297A2D39):
            h = (h ^ (h >> np.uint32(15))) * np.uint32(odd)
        found: NDArray[np.uint32] = h ^ (h >> np.uint32(15))
    return found


def layer_values(layer: Layer, channel: int, height: int, width: int) -> NDArray[np.int64]:
    """One channel of a layer, int64 [height, width].

    With (i, j) the node above and to the left of a pixel and (y, x) its place in the cell, c
    pixels wide, the four nodes a, b, d, e hold the upper 16 bits of their hashes, and the pixel
    low + ⌊v·(high − low)/2¹⁶⌋, v = ⌊((c−y)·((c−x)·a + x·b) + y·((c−x)·d + x·e))/c²⌋.
    """
    cell = layer.cell
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    seed = np.uint32((layer.seed + channel) & 0xFFFFFFFF)
    nodes = (
        hashed(
            seed,
            np.arange(height // cell + 2, dtype=np.uint32)[:, None],
            np.arange(width // cell + 2, dtype=np.uint32)[None, :],
        )
        >> np.uint32(16)
    ).astype(np.int64)
    i, y, j, x = rows // cell, rows % cell, columns // cell, columns % cell
    above = (cell - x) * nodes[i, j] + x * nodes[i, j + 1]
    below = (cell - x) * nodes[i + 1, j] + x * nodes[i + 1, j + 1]
    value = ((cell - y) * above + y * below) // (cell * cell)
    made: NDArray[np.int64] = layer.low + ((value * (layer.high - layer.low)) >> 16)
    return made


def drawn(groups: tuple[Group, ...], height: int, width: int) -> NDArray[np.float32]:
    """A tensor float32 [1, C, height, width], C the channels of all groups.

    Example:
        >>> from edge_sdk.bundle.generator import Group, Layer, drawn
        >>> tensor = drawn((Group(2, (Layer(seed=5, cell=4, low=0, high=65536),)),), 8, 8)
        >>> tensor.shape, float(tensor[0, 1, 2, 3]) * 65536
        ((1, 2, 8, 8), 44269.0)
    """
    planes = []
    for group in groups:
        for channel in range(group.channels):
            plane = np.zeros((height, width), np.int64)
            for layer in group.layers:
                plane += layer_values(layer, channel, height, width)
            for fill in group.fills:
                plane[fill.top : fill.bottom, fill.left : fill.right] = fill.value
            planes.append(plane)
    return (np.stack(planes)[None] / ONE).astype(np.float32)


def positions(seed: int, count: int, size: int) -> NDArray[np.int64]:
    """Places in a flat tensor of ``size`` elements: the k-th is hash(seed, 0, k) mod size."""
    column = np.arange(count, dtype=np.uint32)
    return hashed(np.uint32(seed), np.uint32(0), column).astype(np.int64) % size
