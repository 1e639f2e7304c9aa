"""What a file stores in int8: steps and zero points of its tensors, and its layers' weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Code(NamedTuple):
    """Int8 codes of one tensor, x = scale · (q − zero_point).

    Attributes:
        scale: step between neighboring codes.
        zero_point: code of the number 0, counted as int8.

    Example:
        >>> from edge_sdk.artifacts import Code
        >>> code = Code(scale=1 / 255, zero_point=-128)
        >>> round(code.scale * (127 - code.zero_point), 6)
        1.0
    """

    scale: float
    zero_point: int


@dataclass(frozen=True)
class LayoutFreedom:
    """What a lowering may change about a layer without changing what the model computes.

    Attributes:
        outputs: the order of its output channels, where a shuffle of channels follows.
        inputs: the order of its input channels, where one comes before.
        form: the whole layer, where it is a transposed convolution.
    """

    outputs: bool = False
    inputs: bool = False
    form: bool = False


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """A convolution or linear layer with int8 weights.

    Attributes:
        name: of the module in a PyTorch graph, of the tensor in a file.
        weight: int8 [out, in, kh, kw], whatever the layout of the file; [out, in] if linear.
        scales: float64 [out], step of each output channel.
        bias: float64 [out]; zeros where the layer has none.
        order: what a target may order otherwise or write otherwise; of a graph's layer.

    Example:
        >>> import numpy as np
        >>> from edge_sdk.artifacts import StoredLayer
        >>> weight = np.full((8, 3, 3, 3), 64, np.int8)
        >>> layer = StoredLayer("conv", weight, scales=np.full(8, 0.01), bias=np.zeros(8))
        >>> float(layer.weight[0, 0, 0, 0] * layer.scales[0])
        0.64
    """

    name: str
    weight: NDArray[np.int8]
    scales: NDArray[np.float64]
    bias: NDArray[np.float64]
    order: LayoutFreedom = LayoutFreedom()


@dataclass(frozen=True, eq=False)
class StoredCodes:
    """All int8 codes of a file or graph.

    Attributes:
        activations: of the tensors between operators, in the order in which they are computed.
        layers: those whose layout is understood, in order; grouped transposed convolutions are
            left out. ``None`` where the weights of a format are not read.
        halves: whether values may be held in two halves, each counted from 0, as a PReLU's are.

    Example:
        >>> from edge_sdk.artifacts import Code, StoredCodes
        >>> codes = StoredCodes(activations=(Code(1 / 255, -128),), layers=None)
        >>> codes.activations[0].zero_point
        -128
    """

    activations: tuple[Code, ...]
    layers: tuple[StoredLayer, ...] | None
    halves: bool = False


def layer(
    name: str,
    weight: NDArray[np.int8],
    scales: NDArray[np.floating],
    bias: NDArray[np.floating] | None,
    order: LayoutFreedom | None = None,
) -> StoredLayer:
    """A layer with one step per output channel, and zeros for a bias that is not there."""
    outputs = weight.shape[0]
    steps = np.broadcast_to(np.ravel(scales).astype(np.float64), (outputs,))
    offsets = np.zeros(outputs) if bias is None else np.ravel(bias).astype(np.float64)
    rows = np.broadcast_to(offsets, (outputs,))
    return StoredLayer(name, weight, steps, rows, order or LayoutFreedom())
