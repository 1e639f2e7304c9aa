"""One interface for every runtime: load an artifact, run named arrays through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_sdk.emulate.runtimes.tensors import Port, check_inputs
from edge_sdk.errors import ArtifactError

Arrays = Mapping[str, NDArray[np.generic]]
Invocation = Callable[[], Sequence[NDArray[np.generic]]]
"""Runs an artifact once on inputs that it already holds; gives outputs as the file stores them."""


@dataclass(frozen=True)
class RunnerInfo:
    """What a runner is and what agreement with it proves.

    Attributes:
        name: short name, such as ``executorch``.
        runtime: the runtime with its version, such as ``ExecuTorch 1.5.1``.
        proves: one sentence: what a match with PyTorch shows, and what it does not.

    Example:
        >>> from edge_sdk.emulate import RunnerInfo
        >>> RunnerInfo("litert", "LiteRT 2.3.0, CPU", "graph, weights and CPU kernels").name
        'litert'
    """

    name: str
    runtime: str
    proves: str


@dataclass(frozen=True)
class Delegation:
    """How much of an artifact its delegate took, in the runtime that has loaded it.

    Attributes:
        delegate: the delegate, such as ``XNNPACK``; several are joined by commas.
        partitions: parts that the delegate runs.
        undelegated: operators left to the runtime's own kernels, one name per occurrence.

    Example:
        >>> from edge_sdk.emulate import Delegation
        >>> Delegation("XNNPACK", partitions=1, undelegated=("aten.cumsum",)).partitions
        1
    """

    delegate: str
    partitions: int
    undelegated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Engine:
    """What a runtime makes of a file.

    Attributes:
        info: the runtime.
        inputs: tensors that the file takes, in order.
        outputs: tensors that the file gives, in order.
        precision: what the file computes in, read from the file: ``fp32``, ``fp16``, ``w8`` (8-bit
            weights, float arithmetic), ``int8``, ``palette``, …; ``None`` where it cannot be read.
        delegation: ``None`` where the runtime has no delegates.
        invoke: runs the file once on arrays as it stores them.
    """

    info: RunnerInfo
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    precision: str | None
    delegation: Delegation | None
    invoke: Callable[[Sequence[NDArray[np.generic]]], Sequence[NDArray[np.generic]]]


class Runner(Protocol):
    """A loaded artifact. Arrays go in and come out in NCHW, whatever the artifact stores.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import Runner
        >>> from edge_sdk.emulate.runtimes.eager import EagerRunner
        >>> def output_shapes(runner: Runner) -> list[tuple[int, ...]]:
        ...     shapes = runner.input_shapes.items()
        ...     zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes}
        ...     return [array.shape for array in runner.run(zeros).values()]
        >>> output_shapes(EagerRunner(nn.Conv2d(3, 8, 3), torch.rand(1, 3, 16, 16)))
        [(1, 8, 14, 14)]
    """

    @property
    def info(self) -> RunnerInfo:
        """The runtime behind this runner."""
        ...

    @property
    def precision(self) -> str | None:
        """What the artifact computes in, read from the file; see :class:`Engine`."""
        ...

    @property
    def delegation(self) -> Delegation | None:
        """What the runtime's delegate took; ``None`` where the runtime has none."""
        ...

    @property
    def steps(self) -> dict[str, tuple[float, int]]:
        """Step and zero point of each end that is quantized, by name."""
        ...

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` expects, by name, in order; N×C×H×W."""
        ...

    @property
    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` returns, by name, in order; N×C×H×W."""
        ...

    def prepare(self, inputs: Arrays) -> Invocation:
        """Check and lay out inputs once; every call of the result runs the artifact on them.

        Args:
            inputs: as :meth:`run`.

        Raises:
            ArtifactError: if a name or shape does not fit the artifact.
        """
        ...

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Run the artifact once.

        Args:
            inputs: arrays by input name, float32, N×C×H×W, in the artifact's static shape.

        Returns:
            Arrays by output name, float32, N×C×H×W; of another rank as the model gives them.

        Raises:
            ArtifactError: if a name or shape does not fit the artifact, or the runtime fails.
        """
        ...


class EngineRunner:
    """What all runners have in common: checks, layout and quantization at the door.

    Args:
        path: the artifact, for messages.
        engine: the runtime with the artifact loaded.
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Tensors that the file gives, as it stores them, in order."""
        return self._engine.outputs

    @property
    def takes_ranges(self) -> bool:
        """Whether an input has a range of shapes instead of one."""
        return any(port.least is not None for port in self._engine.inputs)

    def takes(self, shapes: Sequence[tuple[int, ...]]) -> bool:
        """Whether arrays of these shapes, in the order of the inputs, are what the file takes."""
        inputs = self._engine.inputs
        return len(shapes) == len(inputs) and all(
            port.fits(tuple(shape)) for port, shape in zip(inputs, shapes, strict=True)
        )

    def run_by(
        self,
        info: RunnerInfo,
        invoke: Callable[[Sequence[NDArray[np.generic]]], Sequence[NDArray[np.generic]]],
    ) -> EngineRunner:
        """The same file, run by something else than what has read it.

        Args:
            info: what runs it.
            invoke: runs it once on arrays as it stores them.
        """
        return EngineRunner(self._path, replace(self._engine, info=info, invoke=invoke))

    @property
    def info(self) -> RunnerInfo:
        """The runtime behind this runner and what agreement with it proves."""
        return self._engine.info

    @property
    def precision(self) -> str | None:
        """What the artifact computes in, read from the file; see :class:`Engine`."""
        return self._engine.precision

    @property
    def delegation(self) -> Delegation | None:
        """What the runtime's delegate took; ``None`` where the runtime has none."""
        return self._engine.delegation

    @property
    def steps(self) -> dict[str, tuple[float, int]]:
        """Step and zero point of each end that is quantized, by name."""
        ports = (*self._engine.inputs, *self._engine.outputs)
        return {port.name: (port.scale, port.zero_point) for port in ports if port.scale}

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` expects, by name, in order; N×C×H×W."""
        return {port.name: port.torch_shape for port in self._engine.inputs}

    @property
    def output_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` returns, by name, in order; N×C×H×W."""
        return {port.name: port.torch_shape for port in self._engine.outputs}

    def prepare(self, inputs: Arrays) -> Invocation:
        """Check and lay out inputs once; every call of the result runs the artifact on them.

        Args:
            inputs: arrays by input name, float32, N×C×H×W, in the artifact's static shape.

        Raises:
            ArtifactError: if a name, shape or element type does not fit, or an array for a
                quantized input holds a value that is not a number.
        """
        if not isinstance(inputs, Mapping):
            raise ArtifactError(
                f"{self._path}: runs arrays by name; give a dict with "
                f"{', '.join(self.input_shapes)} and an array for each"
            )
        check_inputs(self._path, inputs, self._engine.inputs)
        stored = [port.to_stored(inputs[port.name], self._path) for port in self._engine.inputs]
        return lambda: self._engine.invoke(stored)

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Run the artifact once.

        Args:
            inputs: arrays by input name, float32, N×C×H×W, in the artifact's static shape.

        Returns:
            Arrays by output name, float32, N×C×H×W; of another rank as the model gives them.
            Integers without a scale, such as class numbers, come back as their value.

        Raises:
            ArtifactError: if a name, shape or element type does not fit, or the runtime fails.
        """
        results = self.prepare(inputs)()
        return {
            port.name: port.to_float(array)
            for port, array in zip(self._engine.outputs, results, strict=True)
        }
