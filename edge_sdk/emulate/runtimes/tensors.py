"""Ends of an artifact: what the file stores against the NCHW float32 that callers see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import ArtifactError


@dataclass(frozen=True)
class Port:
    """One input or output of an artifact as the file stores it.

    A quantized tensor stands for scale·(q − zero_point).

    Attributes:
        name: name by which the runtime addresses it.
        shape: shape in the file's order of axes, the largest where it has a range.
        dtype: element type in the file.
        scale: step of a quantized tensor; 0 for a tensor that is not quantized.
        zero_point: stored value that stands for 0.
        channels_last: whether an array of rank 4 is stored N×H×W×C.
        least: the smallest shape, where it has a range; ``None`` where it is static.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    scale: float = 0.0
    zero_point: int = 0
    channels_last: bool = False
    least: tuple[int, ...] | None = None

    @property
    def torch_shape(self) -> tuple[int, ...]:
        """Shape in PyTorch's order of axes."""
        if self.channels_last and len(self.shape) == 4:
            batch, height, width, channels = self.shape
            return (batch, channels, height, width)
        return self.shape

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of a shape, in PyTorch's order of axes, is one of those it takes."""
        if self.least is None:
            return shape == self.torch_shape
        return len(shape) == len(self.least) and all(
            low <= side <= high
            for low, side, high in zip(self.least, shape, self.shape, strict=True)
        )

    def to_stored(self, array: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
        """Float32 in PyTorch's order of axes → contiguous array as the file stores it.

        Quantized: q = clip(round(x/scale) + zero_point) to the range of the type, halves to even.

        Raises:
            ArtifactError: naming ``path``, if the tensor is quantized and a value is no number.
        """
        if self.channels_last:
            array = channels_last(array)
        if not self.scale:
            return np.array(array, self.dtype, order="C")
        if np.isnan(array).any():
            raise ArtifactError(
                f"{path}: input '{self.name}' is quantized and takes no NaN; fix the array"
            )
        limits = np.iinfo(self.dtype)  # type: ignore[type-var]
        steps = np.rint(array.astype(np.float64) / self.scale) + self.zero_point
        return np.ascontiguousarray(np.clip(steps, limits.min, limits.max).astype(self.dtype))

    def to_float(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Array as the file stores it → float32 in PyTorch's order of axes."""
        if self.scale:
            steps = array.astype(np.float32) - np.float32(self.zero_point)
            array = steps * np.float32(self.scale)
        result = array.astype(np.float32, copy=False)
        return channels_first(result) if self.channels_last else result


def check_ports(path: Path, inputs: Sequence[Port]) -> None:
    """Check that float arrays can be handed to an artifact.

    Raises:
        ArtifactError: if an input is of integers without a scale.
    """
    for port in inputs:
        if not port.scale and not np.issubdtype(port.dtype, np.floating):
            raise ArtifactError(
                f"{path}: input '{port.name}' is {port.dtype} without a scale; convert the model "
                "with float inputs, or with a scale in the file"
            )


def check_inputs(
    path: Path, inputs: Mapping[str, NDArray[np.generic]], expected: Sequence[Port]
) -> None:
    """Compare arrays with what the artifact takes.

    Args:
        path: the artifact, for the message.
        inputs: arrays by name.
        expected: the artifact's inputs; callers give all of them as float32.

    Raises:
        ArtifactError: if a name, a shape or an element type differs.
    """
    names = [port.name for port in expected]
    if set(inputs) != set(names):
        raise ArtifactError(
            f"{path}: takes inputs {', '.join(names)}, not {', '.join(inputs) or 'none'}; "
            "rename the arrays"
        )
    for port in expected:
        name, shape, array = port.name, port.torch_shape, inputs[port.name]
        if not port.fits(tuple(array.shape)):
            taken = str(shape) if port.least is None else f"{port.least} to {shape}"
            raise ArtifactError(
                f"{path}: input '{name}' takes shape {taken}, not {tuple(array.shape)}; "
                "tile or resize the picture, or convert for that shape"
            )
        if array.dtype != np.float32:
            raise ArtifactError(
                f"{path}: input '{name}' takes float32, not {array.dtype}; convert the array"
            )


def numbered(kind: str, count: int) -> tuple[str, ...]:
    """Names of ends that the format leaves unnamed: ``kind``, numbered where there are several."""
    return (kind,) if count == 1 else tuple(f"{kind}_{index}" for index in range(count))


def channels_first(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """N×H×W×C → N×C×H×W; arrays of another rank stay as they are."""
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if array.ndim == 4 else array


def channels_last(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """N×C×H×W → N×H×W×C; arrays of another rank stay as they are."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if array.ndim == 4 else array
