"""How far an artifact is from the PyTorch model it was made from, in dB.

PSNR = −10·log₁₀(mean (a − b)²) with peak 1.0; +∞ if the two are identical, −∞ if the artifact
returns a value that is not a number.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.emulate.open import open_artifact
from edge_sdk.emulate.runner import Runner, RunnerInfo
from edge_sdk.errors import ArtifactError, InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import nn

GATES_DB = {"fp32": 100.0, "fp16": 60.0}
"""Least PSNR that a stage of each precision must reach."""

Outputs = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class OutputParity:
    """Agreement of one output, worst over the examples.

    Attributes:
        name: name of the output.
        psnr_db: PSNR with peak 1.0.
        max_abs_error: largest absolute difference.
    """

    name: str
    psnr_db: float
    max_abs_error: float


@dataclass(frozen=True)
class ParityReport:
    """Agreement of an artifact with PyTorch.

    Attributes:
        artifact: the file or package.
        runner: the runtime and what agreement with it proves.
        outputs: one entry per output, in order.
    """

    artifact: Path
    runner: RunnerInfo
    outputs: tuple[OutputParity, ...]

    @property
    def psnr_db(self) -> float:
        """PSNR of the worst output."""
        return min(output.psnr_db for output in self.outputs)

    @property
    def max_abs_error(self) -> float:
        """Largest absolute difference over all outputs."""
        return max(output.max_abs_error for output in self.outputs)


@dataclass(frozen=True)
class Artifact:
    """A converted file and the precision it was converted in.

    Attributes:
        path: the file or package.
        precision: a key of :data:`GATES_DB`, which chooses the gate; ``None`` reads it from the
            file.
    """

    path: Path
    precision: str | None = None


@dataclass(frozen=True)
class ParityRow:
    """One stage of a parity chain against the float32 model.

    Attributes:
        stage: ``torch``, ``fused``, or the name of the artifact's file.
        precision: ``fp32`` or ``fp16``.
        psnr_db: worst PSNR over outputs and probes; not a number if the stage could not run.
        max_abs_error: largest absolute difference; not a number if the stage could not run.
        gate_db: least PSNR that passes.
        runner: the runtime; ``None`` for stages in PyTorch.
        missing: why the stage could not run on this machine; ``None`` if it ran.
    """

    stage: str
    precision: str
    psnr_db: float
    max_abs_error: float
    gate_db: float
    runner: RunnerInfo | None = None
    missing: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the stage ran and reaches its gate."""
        return self.missing is None and self.psnr_db >= self.gate_db


def psnr_db(reference: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    """PSNR in dB with peak 1.0 between two float arrays of one shape."""
    difference = reference.astype(np.float64) - other.astype(np.float64)
    mean_square = float(np.mean(np.square(difference)))
    if not math.isfinite(mean_square):
        return -math.inf
    return math.inf if mean_square == 0 else -10 * math.log10(mean_square)


def verify(
    model: nn.Module, examples: Tensor | Sequence[Tensor], artifact_path: Path
) -> ParityReport:
    """Compare an artifact with its model, run eagerly in float32 and eval mode.

    Args:
        model: the model the artifact was made from; it is not changed.
        examples: one or several inputs, float32, N×C×H×W in the artifact's shape, in [0, 1].
        artifact_path: ``.pte``, ``.tflite`` or ``.mlpackage``.

    Returns:
        Agreement per output, worst over the examples.

    Raises:
        MissingExtraError: if the artifact's runtime is not installed.
        ArtifactError: if the artifact cannot be loaded, or its inputs or outputs do not fit.
        InputError: if there are no examples, or one is not float32 of rank 4.
    """
    probes = _probes(examples)
    runner = open_artifact(artifact_path)
    outputs = _compare(_run_torch(model, probes), _run_artifact(runner, probes, artifact_path))
    return ParityReport(artifact=Path(artifact_path), runner=runner.info, outputs=outputs)


def parity_chain(
    model: nn.Module,
    fused: nn.Module | None,
    artifacts: Sequence[Artifact],
    probes: Tensor | Sequence[Tensor],
) -> tuple[ParityRow, ...]:
    """Compare every stage of a model's way to the phone with the float32 model.

    Args:
        model: the model as trained; the reference.
        fused: the same model after fusing, if it was fused.
        artifacts: what it was converted to.
        probes: one or several inputs, float32, N×C×H×W in the artifacts' shape, in [0, 1].

    Returns:
        Rows for torch, fused and each artifact, in this order, worst over the probes. An artifact
        whose runtime is not installed has a row that says so and does not pass.

    Raises:
        ArtifactError: if an artifact cannot be loaded, or its inputs or outputs do not fit.
        InputError: if there are no probes, one does not fit, or a precision has no gate.
    """
    inputs = _probes(probes)
    for artifact in artifacts:
        if artifact.precision is not None:
            _check_gate(artifact.path, artifact.precision)
    reference = _run_torch(model, inputs)
    rows = [ParityRow("torch", "fp32", math.inf, 0.0, GATES_DB["fp32"])]
    if fused is not None:
        outputs = _compare(reference, [_numbered(arrays) for arrays in _run_torch(fused, inputs)])
        rows.append(_row("fused", "fp32", outputs, None))
    for artifact in artifacts:
        stage = Path(artifact.path).name
        try:
            runner = open_artifact(artifact.path)
        except MissingExtraError as error:
            # Without the runtime nothing reads the file; the row fails at any gate.
            assumed = artifact.precision or "fp32"
            gate = GATES_DB[assumed]
            rows.append(ParityRow(stage, assumed, math.nan, math.nan, gate, missing=str(error)))
            continue
        precision = artifact.precision or runner.precision or "of its own"
        _check_gate(artifact.path, precision)
        outputs = _compare(reference, _run_artifact(runner, inputs, artifact.path))
        rows.append(_row(stage, precision, outputs, runner.info))
    return tuple(rows)


def _check_gate(path: Path, precision: str) -> None:
    if precision not in GATES_DB:
        raise InputError(
            f"{path}: no gate for precision '{precision}'; choose one of: {', '.join(GATES_DB)}"
        )


def _row(
    stage: str, precision: str, outputs: tuple[OutputParity, ...], runner: RunnerInfo | None
) -> ParityRow:
    return ParityRow(
        stage=stage,
        precision=precision,
        psnr_db=min(output.psnr_db for output in outputs),
        max_abs_error=max(output.max_abs_error for output in outputs),
        gate_db=GATES_DB[precision],
        runner=runner,
    )


def _probes(examples: Tensor | Sequence[Tensor]) -> list[Tensor]:
    probes = [examples] if isinstance(examples, Tensor) else list(examples)
    if not probes:
        raise InputError("examples: none given; pass at least one input")
    for probe in probes:
        if probe.dtype != torch.float32 or probe.dim() != 4:
            raise InputError(
                f"examples: expected float32 N×C×H×W, got {probe.dtype} of shape "
                f"{tuple(probe.shape)}"
            )
    return [probe.detach().cpu() for probe in probes]


def _run_torch(model: nn.Module, probes: list[Tensor]) -> list[list[NDArray[np.generic]]]:
    private = copy.deepcopy(model).eval().float().cpu()
    with torch.no_grad():
        return [[tensor.numpy() for tensor in _flatten(private(probe))] for probe in probes]


def _flatten(result: Any) -> list[Tensor]:
    """Tensors of a model's result, in the order in which torch.export numbers them."""
    leaves = torch.utils._pytree.tree_leaves(result)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def _run_artifact(runner: Runner, probes: list[Tensor], path: Path) -> list[Outputs]:
    if len(runner.input_shapes) != 1:
        raise ArtifactError(
            f"{path}: takes {len(runner.input_shapes)} inputs; only artifacts with one can be "
            "compared with a model of one"
        )
    name = next(iter(runner.input_shapes))
    return [runner.run({name: probe.numpy()}) for probe in probes]


def _compare(
    reference: list[list[NDArray[np.generic]]],
    results: Sequence[Outputs],
) -> tuple[OutputParity, ...]:
    """Worst agreement of each output over the probes."""
    worst: dict[str, OutputParity] = {}
    for expected, named in zip(reference, results, strict=True):
        if len(expected) != len(named):
            raise ArtifactError(
                f"the model has {len(expected)} outputs, the converted one {len(named)}; "
                "convert the model again"
            )
        for array, (name, other) in zip(expected, named.items(), strict=True):
            if array.shape != other.shape:
                raise ArtifactError(
                    f"output '{name}': the model gives shape {array.shape}, the converted one "
                    f"{other.shape}; convert the model again"
                )
            parity = _parity(name, array, other)
            before = worst.get(name, parity)
            worst[name] = OutputParity(
                name,
                min(before.psnr_db, parity.psnr_db),
                max(before.max_abs_error, parity.max_abs_error),
            )
    return tuple(worst.values())


def _parity(name: str, reference: NDArray[np.generic], other: NDArray[np.generic]) -> OutputParity:
    error = np.abs(reference.astype(np.float64) - other.astype(np.float64)).max()
    largest = math.inf if not math.isfinite(error) else float(error)
    return OutputParity(name, psnr_db(reference, other), largest)


def _numbered(arrays: list[NDArray[np.generic]]) -> Outputs:
    if len(arrays) == 1:
        return {"output": arrays[0]}
    return {f"output_{index}": array for index, array in enumerate(arrays)}
