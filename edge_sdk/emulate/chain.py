"""The parity chain: every stage of a model's way to the phone against the float32 model, in dB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

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

Results = list[list[NDArray[np.generic]]]


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
    """

    path: Path
    precision: str | None = None


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
    reference = run_torch(model, inputs)
    comparison = _Comparison(reference, pictures)
    rows = [ParityRow("torch", "fp32", math.inf, math.inf, 0.0, GATES_DB["fp32"])]
    truths: dict[str, Results] = {}
    for stage in stages:
        results = run_torch(stage.model, inputs)
        truths[_family(stage.precision)] = results
        rows.append(comparison.row(stage.name, stage.precision, results, None))
    for artifact in artifacts:
        try:
            runner = open_artifact(artifact.path)
        except MissingExtraError as error:
            rows.append(_missing_row(artifact, error))
            continue
        precision = _precision(artifact, runner)
        named = run_artifact(runner, inputs, artifact.path)
        results = [list(arrays.values()) for arrays in named]
        truth = truths.get(_family(precision))
        rows.append(
            comparison.row(
                Path(artifact.path).name,
                precision,
                results,
                None if precision == "fp32" else truth,
                runner,
                size_of(artifact.path),
            )
        )
    return tuple(rows)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


@dataclass(frozen=True)
class _Comparison:
    reference: Results
    pictures: bool

    def row(
        self,
        name: str,
        precision: str,
        results: Results,
        truth: Results | None,
        runner: Runner | None = None,
        size_bytes: int | None = None,
    ) -> ParityRow:
        clip = self.pictures and _family(precision) == "int8"
        pooled, worst, largest = self._errors(self.reference, results, clip)
        return ParityRow(
            stage=name,
            precision=precision,
            psnr_db=pooled,
            worst_db=worst,
            max_abs_error=largest,
            gate_db=gate_db(precision),
            truth_db=None if truth is None else self._errors(truth, results, clip)[0],
            size_bytes=size_bytes,
            runner=runner.info if runner else None,
            delegation=runner.delegation if runner else None,
        )

    def _errors(
        self, expected: Results, results: Results, clip: bool
    ) -> tuple[float, float, float]:
        peak = 1.0 if self.pictures else self._peak()
        squares: dict[int, list[tuple[float, int]]] = {}
        largest = 0.0
        for one, other in zip(expected, results, strict=True):
            if len(one) != len(other):
                raise ArtifactError(
                    f"the model has {len(one)} outputs, the converted one {len(other)}; convert "
                    "the model again"
                )
            for index, (left, right) in enumerate(zip(one, other, strict=True)):
                difference = _difference(left, right, clip)
                found = float(np.abs(difference).max()) if difference.size else 0.0
                largest = max(largest, found) if math.isfinite(found) else math.inf
                total = float(np.square(difference).sum())
                squares.setdefault(index, []).append((total, difference.size))
        pooled = min(
            _db(sum(total for total, _ in found), sum(count for _, count in found), peak)
            for found in squares.values()
        )
        worst = min(_db(*each, peak) for found in squares.values() for each in found)
        return pooled, worst, largest

    def _peak(self) -> float:
        return max(float(np.abs(array).max()) for arrays in self.reference for array in arrays)


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


def _difference(
    left: NDArray[np.generic], right: NDArray[np.generic], clip: bool
) -> NDArray[np.float64]:
    if left.shape != right.shape:
        raise ArtifactError(
            f"the model gives an output of shape {left.shape}, the converted one {right.shape}; "
            "convert the model again"
        )
    one, other = left.astype(np.float64), right.astype(np.float64)
    if clip:
        one, other = one.clip(0, 1), other.clip(0, 1)
    return one - other


def _db(squares: float, count: int, peak: float) -> float:
    if not math.isfinite(squares):
        return -math.inf
    if squares == 0:
        return math.inf
    return -10 * math.log10(squares / max(count, 1) / max(peak, 1e-30) ** 2)


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
        Path(artifact.path).name, precision, nan, nan, nan, gate_db(precision), missing=str(error)
    )
