"""The parity chain: every step of a model's way to the phone against the float32 model, in dB."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from edge_sdk.artifacts.codes.layers import StoredCodes
from edge_sdk.artifacts.codes.reading import read_codes
from edge_sdk.emulate.parity.agreement import artifact_results, check_probes, run_torch
from edge_sdk.emulate.parity.code_faults import code_faults
from edge_sdk.emulate.parity.code_rounding import rounds_otherwise
from edge_sdk.emulate.parity.differences import (
    Differences,
    Results,
    differences,
    first_difference,
    largest_values,
)
from edge_sdk.emulate.parity.gates import (
    OWN_FUNCTION_DB,
    WORST_BELOW_DB,
    agreement_gate_db,
    family,
    gate_db,
)
from edge_sdk.emulate.parity.graph_codes import code_peaks, graph_codes
from edge_sdk.emulate.parity.rows import Artifact, ParityRow, Step, missing_row
from edge_sdk.emulate.parity.task_gates import TaskGate
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import Runner
from edge_sdk.errors import ArtifactError, MissingExtraError, UnknownOperationError
from edge_sdk.exported import Example
from edge_sdk.outputs import size_of

if TYPE_CHECKING:
    from torch import nn

FLOATS = ("fp32", "fp16")
"""Precisions that must agree everywhere, not on pictures alone."""


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
            own = None if step.float_form is None else run_torch(step.float_form, inputs)
            codes = graph_codes(step.model)
            truths[family(step.precision)] = _Truth(step.model, results, codes, own)
        truth = truths.get(family(step.precision))
        rows.append(comparison.row(step.name, step.precision, results, truth))
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
        truth = truths.get(family(precision))
        row = comparison.row(artifact.path.name, precision, results, truth)
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
    """What PyTorch computes with a file's codes, the codes, and what its own float form gives."""

    model: nn.Module
    results: Results
    codes: StoredCodes | None
    own: Results | None


@dataclass(frozen=True, eq=False)
class _Comparison:
    """The float32 model's results: of ``common`` probes, then of those for floats alone."""

    reference: Results
    probes: Sequence[Example]
    common: int
    pictures: bool
    task: TaskGate | None

    def row(self, name: str, precision: str, results: Results, truth: _Truth | None) -> ParityRow:
        gate = gate_db(precision)
        expected = self.reference if _is_float(precision) else self.reference[: self.common]
        clip = self._clips(precision)
        found = differences(expected, results, self._peaks(), clip=clip)
        own = None
        if truth is not None and truth.own is not None:
            own = differences(truth.own, results, self._peaks(), clip=clip)
        faults = []
        score = None
        if self.task is not None:
            score = self.task.score(expected, results)
            if not score >= self.task.least:
                faults.append(f"{self.task.name} {score:.4f}, under {self.task.least:g}")
        elif own is None:
            faults += _below(found, gate, "float32")
        else:
            faults += _below(own, gate, "its own float form")
            faults += _below(found, OWN_FUNCTION_DB, "float32")
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
            own_db=None if own is None else own.psnr_db,
            own_worst_db=None if own is None else own.worst_db,
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


def _below(found: Differences, gate: float, reference: str) -> Iterator[str]:
    """What is missed, of all probes or of the worst."""
    least = gate - WORST_BELOW_DB
    if not found.psnr_db >= gate:
        yield f"{found.psnr_db:.1f} dB against {reference}, under {gate:.0f}"
    elif not found.worst_db >= least:
        yield (
            f"{found.worst_db:.1f} dB against {reference} for the worst picture, under {least:.0f}"
        )


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
