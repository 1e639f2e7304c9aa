"""PyTorch itself as a runner: the reference of every comparison, and a row of every benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.emulate.runtimes.names import RUNTIMES, TORCH, Runtime
from edge_sdk.emulate.runtimes.runner import Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.tensors import Port, numbered
from edge_sdk.errors import InputError, first_line
from edge_sdk.exported import quiet_copy

if TYPE_CHECKING:
    from torch import nn


class EagerRunner(EngineRunner):
    """A module behind the interface of artifacts, with the shapes of one example fixed.

    Args:
        model: the module; a float32 copy in evaluation mode is run on the CPU.
        examples: one input or several, float32; their shapes become the runner's.
        name: what messages call it; the module's class if not given.

    Raises:
        InputError: if the model fails on the examples.
    """

    def __init__(
        self, model: nn.Module, examples: Tensor | Sequence[Tensor], name: str | None = None
    ) -> None:
        private = quiet_copy(model).float().cpu()
        private.eval()
        tensors = [examples] if isinstance(examples, Tensor) else list(examples)
        name = name or type(model).__name__
        try:
            outputs = _run(private, tensors)
        except Exception as error:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise InputError(
                f"{name}: fails on inputs of shape {shapes} ({first_line(error)}); give shapes "
                "that it accepts"
            ) from error

        def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
            return _run(private, [torch.from_numpy(array) for array in arrays])

        info = RunnerInfo(TORCH, f"PyTorch {torch.__version__} (eager)", "the model itself")
        arrays = [tensor.numpy() for tensor in tensors]
        engine = Engine(
            info, _ports("input", arrays), _ports("output", outputs), "fp32", None, invoke
        )
        super().__init__(Path(name), engine)


def _run(model: nn.Module, inputs: Sequence[Tensor]) -> list[NDArray[Any]]:
    with torch.inference_mode():
        leaves = torch.utils._pytree.tree_leaves(model(*inputs))
    return [leaf.numpy() for leaf in leaves if isinstance(leaf, Tensor)]


def _ports(kind: str, arrays: Sequence[NDArray[Any]]) -> tuple[Port, ...]:
    names = numbered(kind, len(arrays))
    return tuple(
        Port(name, array.shape, array.dtype) for name, array in zip(names, arrays, strict=True)
    )


RUNTIMES.register(TORCH, Runtime(EagerRunner), synonyms=("eager",))
