"""The parity chain: every step of a model's way to the phone against the float32 model, in dB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.artifacts.codes.layers import StoredCodes
from edge_sdk.artifacts.codes.reading import read_codes
from edge_sdk.emulate.parity.agreement import artifact_results, check_probes, run_torch
from edge_sdk.emulate.parity.code_faults import code_faults
from edge_sdk.emulate.parity.code_rounding import rounds_otherwise
from edge_sdk.emulate.parity.differences import (
    Results,
    differences,
    first_difference,
    largest_values,
)
from edge_sdk.emulate.parity.gates import WORST_BELOW_DB, agreement_gate_db, family, gate_db
from edge_sdk.emulate.parity.graph_codes import code_peaks, graph_codes
from edge_sdk.emulate.parity.task_gates import TaskGate
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import Delegation, Runner, RunnerInfo
from edge_sdk.errors import ArtifactError, MissingExtraError, UnknownOperationError
from edge_sdk.exported import Example
from edge_sdk.outputs import size_of

if TYPE_CHECKING:
    from torch import nn

FLOATS = ("fp32", "fp16")
"""Precisions that must agree everywhere, not on pictures alone."""


@dataclass(frozen=True, eq=False)
class Step:
    """A step that PyTorch runs: the fused model, or the graph with int8 codes.

    Attributes:
        name: what the row is called.
        precision: chooses the gate.
        model: the step.

    Example:
        >>> from torch import nn
        >>> from edge_sdk.emulate import Step
        >>> Step("fused", "fp32", nn.Conv2d(3, 8, 3)).name
        'fused'
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

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.emulate import Artifact
        >>> Artifact(Path("mine.tflite"), "fp16").precision
        'fp16'
    """

    path: Path
    precision: str | None = None
    runner: Runner | None = None


@dataclass(frozen=True)
class ParityRow:
    """One step of a parity chain.

    Attributes:
        step: ``torch``, the name of a PyTorch step, or of the artifact's file.
        precision: ``fp32``, ``fp16``, ``w8``, ``palette``, ``int8`` or ``int8-float-io``.
        psnr_db: PSNR against the float32 model, pooled over the probes, of the worst output; not a
            number if the step could not run.
        worst_db: the same of the worst probe.
        max_abs_error: largest absolute difference.
        truth_db: PSNR against the PyTorch step of the same precision, which shows what the
            runtime itself adds; ``None`` where there is none.
        gate_db: least ``psnr_db`` that passes.
        faults: what the step misses: its gate, that of the worst probe, the agreement with the
            same codes, or the codes themselves; one phrase each.
        size_bytes: size of the artifact.
        runner: the runtime; ``None`` for steps in PyTorch.
        delegation: what the runtime's delegate took; ``None`` where there is none.
        missing: why the step could not run on this machine; ``None`` if it ran.
        first_error: |difference| of the first output for the first probe, float64; ``None`` for
            ``torch`` and what could not run.
        score: the figure of the user's gate, which takes the place of ``gate_db``; ``None`` where
            there is none.

    Example:
        >>> from edge_sdk import ParityRow
        >>> row = ParityRow("mine.tflite", "fp16", 71.3, 70.2, max_abs_error=0.001, gate_db=60.0)
        >>> row.passed, row.worst_db
        (True, 70.2)
    """

    step: str
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
    faults: tuple[str, ...] = ()
    first_error: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    score: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the step ran and has no faults."""
        return self.missing is None and not self.faults


def parity_chain(
    model: nn.Module,
    steps: Sequence[Step],
    artifacts: Sequence[Artifact | ParityRow],
    probes: Tensor | Sequence[Example],
    *,
    float_probes: Sequence[Example] = (),
    pictures: bool = True,
    gate: TaskGate | None = None,
) -> tuple[ParityRow, ...]:
    """Compare every step of a model's way to the phone with the float32 model.

    Args:
        model: the model as trained; the reference.
        steps: what PyTorch runs on the way: the fused model, the graph with int8 codes.
        artifacts: what it was converted to; a row stands for a file that could not be made.
        probes: one or several inputs, float32 in the artifacts' shape, pictures in [0, 1]; of a
            model of several inputs, tuples with a tensor for each.
        float_probes: more of them for steps in fp32 and fp16, which must agree everywhere.
        pictures: the model returns pictures: the peak of the PSNR is 1, and what int8 clips at
            [0, 1] counts as no error. Otherwise the peak is the largest |value| of each output of
            the reference.
        gate: what every step must reach in place of its dB; ``None`` for the dB of its precision.

    Returns:
        Rows for torch, each step and each artifact, in this order. An artifact whose runtime is
        not installed has a row that says so and does not pass.

    Raises:
        ArtifactError: if an artifact cannot be loaded, its inputs or outputs do not fit, or it is
            not in the precision that it must be in.
        InputError: if there are no probes, one does not fit, or a precision has no gate.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import fuse
        >>> from edge_sdk.emulate import Step, parity_chain
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
        >>> picture = torch.rand(1, 3, 16, 16)
        >>> steps = [Step("fused", "fp32", fuse(model, picture)[0])]
        >>> rows = parity_chain(model, steps, [], picture, pictures=False)
        >>> [(row.step, row.passed) for row in rows]
        [('torch', True), ('fused', True)]
    """
    inputs = check_probes(probes)
    everywhere = [*inputs, *(check_probes(float_probes) if len(float_probes) else [])]
    comparison = _Comparison(run_torch(model, everywhere), inputs, len(inputs), pictures, gate)
    rows = [ParityRow("torch", "fp32", math.inf, math.inf, 0.0, gate_db("fp32"))]
    truths: dict[str, _Truth] = {}
    for step in steps:
        results = run_torch(step.model, everywhere if _is_float(step.precision) else inputs)
        if not _is_float(step.precision):
            truths[family(step.precision)] = _Truth(step.model, results, graph_codes(step.model))
        rows.append(comparison.row(step.name, step.precision, results))
    for artifact in artifacts:
        if isinstance(artifact, ParityRow):
            rows.append(artifact)
            continue
        try:
            runner = artifact.runner or open_artifact(artifact.path)
        except (MissingExtraError, UnknownOperationError) as error:
            rows.append(missing_row(artifact.path.name, artifact.precision or "fp32", str(error)))
            continue
        precision = _precision(artifact, runner)
        shown = everywhere if _is_float(precision) else inputs
        results = artifact_results(runner, shown, artifact.path)
        row = comparison.row(artifact.path.name, precision, results)
        truth = truths.get(family(precision))
        if truth is not None:
            row = comparison.held_to(row, results, truth, artifact.path, runner.info.name)
        rows.append(
            replace(
                row,
                size_bytes=size_of(artifact.path),
                runner=runner.info,
                delegation=runner.delegation,
            )
        )
    return tuple(rows)


@dataclass(frozen=True, eq=False)
class _Truth:
    """What PyTorch computes with a file's codes, and the codes."""

    model: nn.Module
    results: Results
    codes: StoredCodes | None


@dataclass(frozen=True, eq=False)
class _Comparison:
    """The float32 model's results: of ``common`` probes, then of those for floats alone."""

    reference: Results
    probes: Sequence[Example]
    common: int
    pictures: bool
    task: TaskGate | None

    def row(self, name: str, precision: str, results: Results) -> ParityRow:
        gate = gate_db(precision)
        expected = self.reference if _is_float(precision) else self.reference[: self.common]
        found = differences(expected, results, self._peaks(), clip=self._clips(precision))
        faults = []
        score = None
        if self.task is not None:
            score = self.task.score(expected, results)
            if not score >= self.task.least:
                faults.append(f"{self.task.name} {score:.4f}, under {self.task.least:g}")
        elif not found.psnr_db >= gate:
            faults.append(f"{found.psnr_db:.1f} dB against float32, under {gate:.0f}")
        elif not found.worst_db >= gate - WORST_BELOW_DB:
            least = gate - WORST_BELOW_DB
            faults.append(f"{found.worst_db:.1f} dB for the worst picture, under {least:.0f}")
        return ParityRow(
            name,
            precision,
            found.psnr_db,
            found.worst_db,
            found.max_abs_error,
            gate,
            faults=tuple(faults),
            first_error=first_difference(expected, results),
            score=score,
        )

    def held_to(
        self, row: ParityRow, results: Results, truth: _Truth, path: Path, runtime: str
    ) -> ParityRow:
        """The row with what it lacks against the graph of the same codes."""
        clip = self._clips(row.precision)
        peaks = self._peaks() if self.pictures else code_peaks(truth.model, truth.results)
        agreed = differences(truth.results, results, peaks, clip=clip).psnr_db
        least = agreement_gate_db(row.precision, runtime)
        faults = list(row.faults)
        if not agreed >= least and not rounds_otherwise(
            truth.model, self.probes, truth.results, peaks, agreed, least, runtime, clip=clip
        ):
            faults.append(f"{agreed:.1f} dB against torch's codes, under {least:.0f}")
        stored = None if truth.codes is None else read_codes(path)
        if stored is not None and truth.codes is not None:
            faults += [f"holds {fault}" for fault in code_faults(stored, truth.codes)]
        return replace(row, truth_db=agreed, faults=tuple(faults))

    def _peaks(self) -> tuple[float, ...]:
        if self.pictures:
            return tuple(1.0 for _ in self.reference[0])
        return largest_values(self.reference)

    def _clips(self, precision: str) -> bool:
        return self.pictures and family(precision) == "int8"


def missing_row(name: str, precision: str, why: str) -> ParityRow:
    """Row of an artifact that could not be made or run; it does not pass."""
    nan = math.nan
    return ParityRow(name, precision, nan, nan, nan, gate_db(precision), missing=why)


def _is_float(precision: str) -> bool:
    return precision in FLOATS


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
    if found is not None and family(found) != family(artifact.precision):
        raise ArtifactError(
            f"{artifact.path}: computes in {found}, not {artifact.precision}; leave --precision "
            "out, or convert the model again"
        )
    return artifact.precision
