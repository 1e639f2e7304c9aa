"""A LiteRT or ExecuTorch file on the emulated ARM core, in a process that lives with its runner."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from edge_sdk.emulate.arm64 import litert_guest
from edge_sdk.emulate.arm64.environment import CORE, Arm64Environment, find_environment
from edge_sdk.emulate.runtimes.child import Child, whole
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import EngineRunner, Runner, RunnerInfo
from edge_sdk.emulate.runtimes.tensors import Port
from edge_sdk.errors import InputError

ARM_BUILDS = {"litert": ("LiteRT", "ai-edge-litert"), "executorch": ("ExecuTorch", "executorch")}
"""Runtimes that have an ARM build here, by the name of their runner."""
LENGTH_BYTES = 8


def open_on_arm64(path: str | Path, here: Runner | None = None) -> EngineRunner:
    """Load a file by the ARM build of its runtime.

    Args:
        path: ``.tflite`` or ``.pte`` of one size, for the CPU.
        here: the file as it is open on this processor; ``None`` to open it.

    Returns:
        A runner like that of :func:`~edge_sdk.emulate.runtimes.opening.open_artifact`; its process
        ends with it.

    Raises:
        MissingExtraError: if the environment is not set up, or the runtime is not installed.
        InputError: if the file's runtime has no ARM build here, or it takes sizes by range.
        ArtifactError: if the file is missing or damaged.
    """
    path = Path(path)
    here = here or open_artifact(path)
    if here.info.name not in ARM_BUILDS or not isinstance(here, EngineRunner):
        raise InputError(
            f"{path}: {here.info.name} has no ARM build here; give files of tflite or executorch"
        )
    if here.takes_ranges:
        raise InputError(f"{path}: takes sizes by range; give a file of one size")
    environment = find_environment()
    name, package = ARM_BUILDS[here.info.name]
    info = RunnerInfo(
        f"{here.info.name}-arm64",
        f"{name} {metadata.version(package)} (ARM build, QEMU's {CORE})",
        "what the runtime's ARM kernels compute, instruction by instruction; not a phone's speed",
    )
    guest = _Guest(path, environment, here.info.name)

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        return guest.run(arrays, here.outputs)

    runner = here.run_by(info, invoke)
    weakref.finalize(runner, guest.end)
    return runner


class _Guest(Child):
    """The runtime's ARM build, in its process."""

    def __init__(self, path: Path, environment: Arm64Environment, runtime: str) -> None:
        program: list[str | Path] = [environment.executorch_guest, path]
        if runtime == "litert":
            guest = Path(litert_guest.__file__)
            program = [environment.python, "-P", guest, environment.packages, path]
        super().__init__(path, "the emulated ARM core", environment.command(*program))

    def run(
        self, arrays: Sequence[NDArray[np.generic]], outputs: Sequence[Port]
    ) -> list[NDArray[np.generic]]:
        """Tensors in, tensors out, as the file stores them."""
        with self.exchange() as (given, answers):
            given.write(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
            given.flush()
            return [self._tensor(answers, port) for port in outputs]

    def _tensor(self, answers: IO[bytes], port: Port) -> NDArray[np.generic]:
        length = int.from_bytes(whole(answers, LENGTH_BYTES), "little")
        # A wrong length would be waited for.
        if length != int(np.prod(port.shape)) * port.dtype.itemsize:
            raise EOFError
        content = np.frombuffer(whole(answers, length), port.dtype)
        return content.reshape(port.shape).copy()
