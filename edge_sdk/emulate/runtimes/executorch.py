"""The real ExecuTorch runtime, with XNNPACK, on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_sdk.artifacts.pte import XNNPACK, PteFile, read_pte
from edge_sdk.artifacts.seal import check_artifact
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.emulate.runtimes.runner import Delegation, Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.tensors import Port, check_ports, numbered
from edge_sdk.errors import ArtifactError, first_line
from edge_sdk.extras import require
from edge_sdk.quiet import quiet_stderr, suppressed_messages

_DTYPES = {0: "uint8", 1: "int8", 2: "int16", 3: "int32", 4: "int64", 5: "float16", 6: "float32"}
"""numpy names of ExecuTorch's ScalarType codes."""

_TRIAL = """
import sys, torch, warnings
warnings.simplefilter("ignore")
from executorch.runtime import Runtime
import executorch.kernels.quantized
program = Runtime.get().load_program(sys.argv[1])
method = program.load_method("forward")
meta = method.metadata
tensors = [meta.input_tensor_meta(index) for index in range(meta.num_inputs())]
types = {0: torch.uint8, 1: torch.int8, 2: torch.int16, 3: torch.int32, 4: torch.int64,
         5: torch.float16, 6: torch.float32}
method.execute([torch.zeros(tuple(t.sizes()), dtype=types[t.dtype()]) for t in tensors])
"""


class ExecuTorchRunner(EngineRunner):
    """A ``.pte`` file loaded for the CPU.

    Inputs are named ``input`` (``input_0``, ``input_1`` … if there are several), outputs likewise:
    the format stores no names. A file made elsewhere is tried in a separate process first, which
    takes a few seconds. The scales of int8 inputs and outputs are read from the constant methods
    (``input0_scale``, …) that ExecuTorch's own passes for quantized ends write.

    Args:
        path: the file.
        trial: whether to try a file made elsewhere in a process of its own first; without it a
            damaged one can end this process.

    Raises:
        MissingExtraError: if ExecuTorch is not installed.
        ArtifactError: if the file is missing, damaged, no ExecuTorch program, made for a backend
            that this machine has not, or takes tensors other than float or scaled int8.
    """

    def __init__(self, path: Path, *, trial: bool = True) -> None:
        path = Path(path)
        super().__init__(path, _load(path, trial))


def set_threads(count: int) -> None:
    """Fix the number of threads of the whole process; call it before any file is loaded.

    Raises:
        MissingExtraError: if ExecuTorch is not installed.
    """
    module = _require("executorch.extension.pybindings.portable_lib")
    module._unsafe_reset_threadpool(count)


def _require(module: str) -> ModuleType:
    """Import it without the warnings about its own insides, which no user can act on."""
    with suppressed_messages():
        return require("executorch", module)


def _load(path: Path, trial: bool) -> Engine:
    runtime = _require("executorch.runtime")
    content = check_artifact(path, b"ET12", "an ExecuTorch program", _TRIAL if trial else None)
    try:
        facts = read_pte(content)
    except ValueError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error}); copy or convert the model again"
        ) from error
    _check_backends(path, runtime, facts)
    if any("quantize" in name for name in facts.undelegated):
        # Phones link these kernels by choice (kernels_quantized); importing registers them.
        with quiet_stderr():
            _require("executorch.kernels.quantized")
    try:
        # Loading the first program logs what it finds out about the CPU.
        with quiet_stderr():
            program = runtime.Runtime.get().load_program(
                path, verification=runtime.Verification.InternalConsistency
            )
            method = program.load_method("forward")
        inputs, outputs = (_ports(program, method.metadata, kind) for kind in ("input", "output"))
    except Exception as error:
        raise ArtifactError(
            f"{path}: ExecuTorch cannot load it ({first_line(error)}); convert the model again"
        ) from error
    check_ports(path, inputs)

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        # The program owns the weights that the method reads.
        assert program is not None
        try:
            results = method.execute([torch.from_numpy(array) for array in arrays])
        except Exception as error:
            raise ArtifactError(
                f"{path}: ExecuTorch fails to run it ({first_line(error)}); convert the model again"
            ) from error
        return [result.numpy().copy() for result in results]

    info = RunnerInfo(
        name="executorch",
        runtime=f"ExecuTorch {metadata.version('executorch')}",
        proves="graph, weights and kernels of the runtime that phones use, on this CPU",
    )
    return Engine(info, inputs, outputs, facts.precision, _delegation(facts), invoke)


def _check_backends(path: Path, runtime: ModuleType, facts: PteFile) -> None:
    registry = runtime.Runtime.get().backend_registry
    for backend in dict.fromkeys(facts.delegates):
        if not registry.is_available(backend):
            raise ArtifactError(
                f"{path}: needs {backend}, which ExecuTorch has not on this machine; run it on a "
                "phone, and convert for XNNPACK to check the model here"
            )


def _delegation(facts: PteFile) -> Delegation:
    names = ", ".join(
        "XNNPACK" if name == XNNPACK else name for name in dict.fromkeys(facts.delegates)
    )
    return Delegation(names or "none", len(facts.delegates), facts.undelegated)


def _ports(program: Any, meta: Any, kind: str) -> tuple[Port, ...]:
    count = getattr(meta, f"num_{kind}s")()
    ports = []
    for index, name in enumerate(numbered(kind, count)):
        tensor = getattr(meta, f"{kind}_tensor_meta")(index)
        dtype = np.dtype(_DTYPES.get(tensor.dtype(), "float64"))
        scale, zero_point = 0.0, 0
        for prefix in (f"{kind}{index}", f"forward_{kind}{index}"):
            if f"{prefix}_scale" in program.method_names:
                scale = float(_constant(program, f"{prefix}_scale"))
                zero_point = int(_constant(program, f"{prefix}_zp"))
        shape = tuple(tensor.sizes())
        least = None
        if (height := f"{kind}{index}_least_height") in program.method_names:
            sides = (_constant(program, height), _constant(program, f"{kind}{index}_least_width"))
            least = (*shape[:2], *(int(side) for side in sides))
        ports.append(Port(name, shape, dtype, scale, zero_point, least=least))
    return tuple(ports)


def _constant(program: Any, name: str) -> Any:
    return program.load_method(name).execute([])[0]


RUNTIMES.register(
    "executorch",
    Runtime(
        ExecuTorchRunner,
        suffix=".pte",
        target="executorch",
        packages=("executorch.runtime",),
        extra="executorch",
        fix_threads=set_threads,
        # XNNPACK rounds as PyTorch does but for sums between two codes: it takes the ratios of
        # their steps with 21 bits, and a tie goes whichever way that errs. That is one code of
        # thousands (80 dB and more).
        codes_db=70.0,
    ),
)
