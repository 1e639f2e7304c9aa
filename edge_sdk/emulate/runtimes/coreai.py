"""Apple's own Core AI runtime, on Linux or a Mac, in a process of its own."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.artifacts.aimodel import check_aimodel
from edge_sdk.emulate.runtimes import coreai_process
from edge_sdk.emulate.runtimes.evidence import Evidence
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.emulate.runtimes.runner import Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.served import ServedFile
from edge_sdk.emulate.runtimes.tensors import Port, check_ports
from edge_sdk.extras import require

_PROVES = (
    "graph, weights and kernels of Apple's Core AI runtime (beta) on this CPU; not an iPhone's "
    "GPU or Neural Engine"
)


class CoreAIRunner(EngineRunner):
    """A loaded ``.aimodel``, run by Apple's runtime in a process that lives as long as the runner.

    Nothing that goes wrong inside the runtime ends the caller's process.

    Args:
        path: the folder, as edge-sdk has written it; others are refused before the runtime sees
            them.

    Raises:
        MissingExtraError: if Core AI is not installed.
        ArtifactError: if the folder is missing, damaged or not sealed by edge-sdk, or the runtime
            does not load it.

    Example:
        >>> import numpy as np
        >>> from torch import nn
        >>> from edge_sdk import convert
        >>> from edge_sdk.emulate.runtimes.coreai import CoreAIRunner
        >>> made = convert(nn.Conv2d(3, 8, 3), "coreai", "conv.aimodel", example=(1, 3, 16, 16))
        >>> runner = CoreAIRunner(made.path)
        >>> runner.run({"input": np.zeros((1, 3, 16, 16), np.float32)})["output"].shape
        (1, 8, 14, 14)
    """

    def __init__(self, path: Path) -> None:
        path = Path(path)
        require("coreai")
        check_aimodel(path)
        self._child = ServedFile(path, "Core AI", coreai_process)
        super().__init__(path, _engine(path, self._child))
        # The process ends with the runner, or with this program; a killed one closes its pipe.
        weakref.finalize(self, self._child.end)


def _engine(path: Path, child: ServedFile) -> Engine:
    try:
        told = child.description()
        inputs, outputs = (
            tuple(
                Port(port["name"], tuple(port["shape"]), np.dtype(port["dtype"]))
                for port in told[kind]
            )
            for kind in ("inputs", "outputs")
        )
        check_ports(path, inputs)
    except BaseException:
        child.end()
        raise

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        named = {port.name: array for port, array in zip(inputs, arrays, strict=True)}
        results = child.run(named)
        return [results[port.name] for port in outputs]

    where = "on this Mac" if sys.platform == "darwin" else "on Linux"
    runtime = f"Core AI {metadata.version('coreai-core')} (Apple's runtime, beta, {where})"
    info = RunnerInfo("coreai", runtime, _PROVES)
    return Engine(info, inputs, outputs, _precision(told), None, invoke)


def _precision(told: dict[str, Any]) -> str | None:
    """What a model computes in, by its operations and the types of its numbers."""
    if "quantize" in told["operations"]:
        return "int8"
    types = [each.lower() for each in told["computed"]]
    return "fp16" if "float16" in types else "fp32" if "float32" in types else None


RUNTIMES.register(
    "coreai",
    Runtime(
        CoreAIRunner,
        suffix=".aimodel",
        target="coreai",
        # Nothing of it is imported here: its memory is another process's.
        packages=(),
        extra="coreai",
        takes_trial=False,
        # It adds up more exactly than PyTorch, whose float32 sums go the other way where one lies
        # in the middle of two codes: one of hundreds or thousands (69 to 83 dB).
        codes_db=60.0,
        evidence=Evidence.VENDOR,
    ),
)
