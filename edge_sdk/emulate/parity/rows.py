"""What a parity chain is made of: steps, files, and the row that says how near one is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_sdk.emulate.parity.gates import gate_db
from edge_sdk.emulate.runtimes.runner import Delegation, Runner, RunnerInfo

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Step:
    """A step that PyTorch runs: the fused model, or the graph with int8 codes.

    Attributes:
        name: what the row is called.
        precision: chooses the gate.
        model: the step.
        float_form: the float model with the same weights, if it is another function than the one
            that the chain compares with; ``None`` if it is the same.

    Example:
        >>> from torch import nn
        >>> from edge_sdk.emulate import Step
        >>> Step("fused", "fp32", nn.Conv2d(3, 8, 3)).name
        'fused'
    """

    name: str
    precision: str
    model: nn.Module
    float_form: nn.Module | None = None


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
        own_db: PSNR against the float form of the same weights, where that is another function
            than the float32 model; ``None`` where it is not.
        own_worst_db: the same of the worst probe.
        gate_db: least ``own_db`` that passes, or ``psnr_db`` where there is none.
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
    own_db: float | None = None
    own_worst_db: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the step ran and has no faults."""
        return self.missing is None and not self.faults


def missing_row(name: str, precision: str, why: str) -> ParityRow:
    """Row of an artifact that could not be made or run; it does not pass."""
    nan = math.nan
    return ParityRow(name, precision, nan, nan, nan, gate_db(precision), missing=why)
