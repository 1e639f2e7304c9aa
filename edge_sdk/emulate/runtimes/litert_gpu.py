"""LiteRT's GPU accelerator (WebGPU) on this machine, on real shaders and a software GPU.

LiteRT calls a model "fully accelerated" when XNNPACK took all of it, too. So the runner also asks
where the model wants its tensors: a model on the GPU takes WebGPU buffers, one on the CPU takes
host memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.artifacts.seal import check_artifact
from edge_sdk.artifacts.tflite import tflite_precision
from edge_sdk.emulate.runtimes.evidence import Evidence
from edge_sdk.emulate.runtimes.litert import MAGIC, TRIAL, only_signature, ports
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.emulate.runtimes.runner import Delegation, Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.tensors import Port
from edge_sdk.emulate.runtimes.vulkan import vulkan_driver
from edge_sdk.errors import ArtifactError, first_line
from edge_sdk.extras import require
from edge_sdk.quiet import quiet_stderr, silence_exit

WEBGPU_BUFFERS = range(20, 30)
"""LiteRT's codes of tensor buffers in WebGPU memory (host memory is 1)."""


class LiteRTGpuRunner(EngineRunner):
    """A ``.tflite`` file compiled for the GPU, every operator of it.

    Args:
        path: the file; it holds one signature with static shapes.
        enforce_fp32: compute in float32, as the file says; else in float16, as phones' GPUs do by
            default. SwiftShader computes in float32 either way.
        trial: whether to try a file made elsewhere in a process of its own first.

    Raises:
        MissingExtraError: if LiteRT, a Vulkan driver or its loader is not installed.
        ArtifactError: if the file is missing, damaged, no TFLite model, or did not go to the GPU
            whole.
    """

    def __init__(self, path: Path, *, enforce_fp32: bool = True, trial: bool = True) -> None:
        path = Path(path)
        litert = require("tflite", "ai_edge_litert.compiled_model")
        content = check_artifact(path, MAGIC, "a TFLite model", TRIAL if trial else None)
        silence_exit()
        with vulkan_driver() as driver, quiet_stderr():
            model = _compile(path, litert, enforce_fp32)
            check_on_gpu(path, model)
            buffers = _buffers(path, model)
        super().__init__(path, _engine(path, model, buffers, driver, content))
        weakref.finalize(self, _close, model, buffers)
        # The first run compiles the shaders, and starts a part of LiteRT that logs.
        with quiet_stderr():
            self.run({name: np.zeros(s, np.float32) for name, s in self.input_shapes.items()})


def check_on_gpu(path: Path, model: Any) -> None:
    """Make sure that a compiled model runs on the GPU, all of it.

    Args:
        path: the file, for the message.
        model: LiteRT's ``CompiledModel``.

    Raises:
        ArtifactError: if an operator or an end of the model stayed on the CPU.
    """
    signature = model.get_signature_by_index(0)
    needs = [
        *(model.get_input_buffer_requirements(n) for n in range(len(signature["inputs"]))),
        *(model.get_output_buffer_requirements(n) for n in range(len(signature["outputs"]))),
    ]
    kinds = {int(kind) for need in needs for kind in need["supported_types"]}
    if not model.is_fully_accelerated() or not kinds or not kinds <= set(WEBGPU_BUFFERS):
        raise ArtifactError(
            f"{path}: LiteRT left part of it on the CPU; see its operators by `edge-sdk bench`, "
            "replace those that GPUs lack, or run it by --runtime litert"
        )


def _compile(path: Path, litert: Any, enforce_fp32: bool) -> Any:
    options = litert.Options(
        hardware_accelerators=litert.HardwareAccelerator.GPU,
        gpu_options=litert.GpuOptions(enforce_f32=enforce_fp32),
    )
    folder = str(Path(litert.__file__).parent)
    environment = litert.Environment.create(options=litert.EnvironmentOptions(runtime_path=folder))
    try:
        return litert.CompiledModel.from_file(str(path), environment=environment, options=options)
    except Exception as error:
        # Torn down here, while its output is discarded.
        environment.close()
        raise ArtifactError(
            f"{path}: LiteRT's GPU accelerator does not take it ({first_line(error)}); replace "
            "operators that GPUs lack, or run it by --runtime litert"
        ) from error


@dataclass(frozen=True)
class _Buffers:
    """Ends of a compiled model with the memory on the GPU that holds them."""

    signature: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    sources: tuple[Any, ...]
    results: tuple[Any, ...]


def _buffers(path: Path, model: Any) -> _Buffers:
    key = only_signature(path, list(model.get_signature_list()))
    inputs = ports(model.get_input_tensor_details(key))
    outputs = ports(model.get_output_tensor_details(key))
    for port in (*inputs, *outputs):
        if port.dtype != np.float32:
            raise ArtifactError(
                f"{path}: '{port.name}' is {port.dtype}, and the GPU runner takes float32 ends "
                "alone; convert the model with float inputs and outputs"
            )
    sources = tuple(model.create_input_buffer_by_name(key, port.name) for port in inputs)
    results = tuple(model.create_output_buffer_by_name(key, port.name) for port in outputs)
    return _Buffers(key, inputs, outputs, sources, results)


def _engine(path: Path, model: Any, buffers: _Buffers, driver: str, content: bytes) -> Engine:
    sources = {p.name: source for p, source in zip(buffers.inputs, buffers.sources, strict=True)}
    results = {p.name: result for p, result in zip(buffers.outputs, buffers.results, strict=True)}

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        try:
            for source, array in zip(buffers.sources, arrays, strict=True):
                source.write(array)
            model.run_by_name(buffers.signature, sources, results)
            # Reading waits until the shaders are done.
            return [
                results[port.name].read(int(np.prod(port.shape)), np.float32).reshape(port.shape)
                for port in buffers.outputs
            ]
        except Exception as error:
            raise ArtifactError(
                f"{path}: LiteRT's GPU accelerator fails to run it ({first_line(error)}); run it "
                "by --runtime litert"
            ) from error

    info = RunnerInfo(
        name="litert-gpu",
        runtime=f"LiteRT {metadata.version('ai-edge-litert')} (WebGPU on {driver})",
        proves="graph, weights, layout and GPU shaders, run in float32; not a phone's GPU, its "
        "half-precision arithmetic or its speed",
    )
    precision = tflite_precision(content)
    return Engine(info, buffers.inputs, buffers.outputs, precision, Delegation("WebGPU", 1), invoke)


def _close(model: Any, buffers: _Buffers) -> None:
    # In this order: a buffer that outlives its environment ends the process.
    with quiet_stderr():
        for buffer in (*buffers.sources, *buffers.results):
            buffer.destroy()
        environment = model.environment
        model.close()
        environment.close()


RUNTIMES.register(
    "litert-gpu",
    Runtime(
        LiteRTGpuRunner,
        suffix=".tflite",
        target="tflite",
        packages=("ai_edge_litert.compiled_model", "ai_edge_litert.schema_py_generated"),
        extra="tflite",
        on_request=True,
        own_threads=True,
        evidence=Evidence.SHADERS,
    ),
)
