"""The parity chain: every stage of a model's way to the phone against the float32 model, in dB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.emulate.differences import (
    Results,
    differences,
    first_difference,
    largest_value,
)
from edge_sdk.emulate.open import open_artifact
from edge_sdk.emulate.runner import Delegation, Runner, RunnerInfo
from edge_sdk.emulate.verify import check_probes, run_artifact, run_torch
from edge_sdk.errors import ArtifactError, InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import nn

GATES_DB = {
    "fp32": 100.0,
    "fp16": 60.0,
    "w8": 50.0,
    "palette": 40.0,
    "int8": 50.0,
    "int8-float-io": 50.0,
}
"""Least PSNR against the float32 model that a stage of each precision must reach."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A stage that PyTorch runs: the fused model, or the graph with int8 codes.

    Attributes:
        name: what the row is called.
        precision: chooses the gate.
        model: the stage.
    """

    name: str
    precision: str
    model: nn.Module


@dataclass(frozen=True)
class Artifact:
    """A converted file.

    Attributes:
        path: the file or package.
        precision: what it must be in; ``None`` to believe the file.
        runner: the file, where it is open already.
    """

    path: Path
    precision: str | None = None
    runner: Runner | None = None


@dataclass(frozen=True)
class ParityRow:
    """One stage of a parity chain.

    Attributes:
        stage: ``torch``, the name of a PyTorch stage, or of the artifact's file.
        precision: ``fp32``, ``fp16``, ``w8``, ``palette`` or ``int8``.
        psnr_db: PSNR against the float32 model, pooled over the probes, of the worst output; not a
            number if the stage could not run.
        worst_db: the same of the worst probe.
        max_abs_error: largest absolute difference.
        truth_db: PSNR against the PyTorch stage of the same precision, which shows what the
            runtime itself adds; ``None`` where there is none.
        gate_db: least ``psnr_db`` that passes.
        size_bytes: size of the artifact.
        runner: the runtime; ``None`` for stages in PyTorch.
        delegation: what the runtime's delegate took; ``None`` where there is none.
        missing: why the stage could not run on this machine; ``None`` if it ran.
        first_error: |difference| of the first output for the first probe, float64; ``None`` for
            ``torch`` and what could not run.
    """

    stage: str
    precision: str
    psnr_db: float
    worst_db: float
    max_abs_error: float
    gate_db: float
    truth_db: float | None = None
    size_bytes: int | None = None
    runner: RunnerInfo | None = None
    delegation: Delegation | None = None
    missing: str | None = None
    first_error: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Whether the stage ran and reaches its gate."""
        return self.missing is None and self.psnr_db >= self.gate_db


def parity_chain(
    model: nn.Module,
    stages: Sequence[Stage],
    artifacts: Sequence[Artifact],
    probes: Tensor | Sequence[Tensor],
    *,
    pictures: bool = True,
) -> tuple[ParityRow, ...]:
    """Compare every stage of a model's way to the phone with the float32 model.

    Args:
        model: the model as trained; the reference.
        stages: what PyTorch runs on the way: the fused model, the graph with int8 codes.
        artifacts: what it was converted to.
        probes: one or several inputs, float32, N×C×H×W in the artifacts' shape, in [0, 1].
        pictures: the model returns pictures: the peak of the PSNR is 1, and what int8 clips at
            [0, 1] counts as no error. Otherwise the peak is the largest |value| of the reference.

    Returns:
        Rows for torch, each stage and each artifact, in this order. An artifact whose runtime is
        not installed has a row that says so and does not pass.

    Raises:
        ArtifactError: if an artifact cannot be loaded, its inputs or outputs do not fit, or it is
            not in the precision that it must be in.
        InputError: if there are no probes, one does not fit, or a precision has no gate.
    """
    inputs = check_probes(probes)
    comparison = _Comparison(run_torch(model, inputs), pictures)
    rows = [ParityRow("torch", "fp32", math.inf, math.inf, 0.0, GATES_DB["fp32"])]
    truths: dict[str, Results] = {}
    for stage in stages:
        results = run_torch(stage.model, inputs)
        truths[_family(stage.precision)] = results
        rows.append(comparison.row(stage.name, stage.precision, results, None))
    for artifact in artifacts:
        try:
            runner = artifact.runner or open_artifact(artifact.path)
        except MissingExtraError as error:
            rows.append(_missing_row(artifact, error))
            continue
        precision = _precision(artifact, runner)
        named = run_artifact(runner, inputs, artifact.path)
        results = [list(arrays.values()) for arrays in named]
        truth = None if precision == "fp32" else truths.get(_family(precision))
        row = comparison.row(artifact.path.name, precision, results, truth)
        rows.append(
            replace(
                row,
                size_bytes=size_of(artifact.path),
                runner=runner.info,
                delegation=runner.delegation,
            )
        )
    return tuple(rows)


@dataclass(frozen=True)
class _Comparison:
    reference: Results
    pictures: bool

    def row(self, name: str, precision: str, results: Results, truth: Results | None) -> ParityRow:
        peak = 1.0 if self.pictures else largest_value(self.reference)
        clip = self.pictures and _family(precision) == "int8"
        found = differences(self.reference, results, peak, clip=clip)
        against = None if truth is None else differences(truth, results, peak, clip=clip)
        return ParityRow(
            name,
            precision,
            found.psnr_db,
            found.worst_db,
            found.max_abs_error,
            gate_db(precision),
            truth_db=None if against is None else against.psnr_db,
            first_error=first_difference(self.reference, results),
        )


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def gate_db(precision: str) -> float:
    """Gate of a precision.

    Raises:
        InputError: if it has none.
    """
    if precision not in GATES_DB:
        raise InputError(
            f"no gate for precision '{precision}'; choose one of: {', '.join(GATES_DB)}"
        )
    return GATES_DB[precision]


def _family(precision: str) -> str:
    return "int8" if precision.startswith("int8") else precision


def _precision(artifact: Artifact, runner: Runner) -> str:
    found = runner.precision
    if artifact.precision is None:
        if found is None:
            raise ArtifactError(
                f"{artifact.path}: the file does not say what it computes in; add --precision"
            )
        gate_db(found)
        return found
    gate_db(artifact.precision)
    if found is not None and _family(found) != _family(artifact.precision):
        raise ArtifactError(
            f"{artifact.path}: computes in {found}, not {artifact.precision}; leave --precision "
            "out, or convert the model again"
        )
    return artifact.precision


def _missing_row(artifact: Artifact, error: MissingExtraError) -> ParityRow:
    precision = artifact.precision or "fp32"
    nan = math.nan
    return ParityRow(
        artifact.path.name, precision, nan, nan, nan, gate_db(precision), missing=str(error)
    )
