"""Converted files on a processor of another kind, compared with what they give on this one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_sdk.emulate.parity.agreement import artifact_results
from edge_sdk.emulate.parity.differences import Results, differences, largest_values
from edge_sdk.emulate.parity.gates import family
from edge_sdk.emulate.runtimes.names import RUNTIMES, find_runtime
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import RunnerInfo
from edge_sdk.errors import InputError
from edge_sdk.exported import Example

CPUS = ("arm64",)
"""Processors that are emulated here."""
GATE_DB = 120.0
"""Least agreement of a file in floating point, whose sums each processor forms in its own order."""
MOST_PROBES = 2
"""Inputs that are compared: an emulated core takes seconds for each."""


@dataclass(frozen=True)
class CpuCheck:
    """A file on another processor, against this one.

    Attributes:
        step: name of the file.
        cpu: the other processor, one of :data:`CPUS`.
        equal: share of the numbers that are the same to the bit.
        psnr_db: agreement of the worst output; infinite where all numbers are equal.
        gate_db: least that passes; infinite in int8, where every number must be equal.
        runner: what ran it there; ``None`` where nothing did.
        missing: why it was not run; empty if it was.

    Example:
        >>> from edge_sdk.deploy import CpuCheck
        >>> CpuCheck("sr.tflite", "arm64", 0.34, 143.9, 120.0).passed
        True
    """

    step: str
    cpu: str
    equal: float
    psnr_db: float
    gate_db: float
    runner: RunnerInfo | None = None
    missing: str = ""

    @property
    def passed(self) -> bool:
        """Whether it ran and agrees."""
        return not self.missing and self.psnr_db >= self.gate_db


def check_cpus(
    files: Sequence[tuple[Path, str]], probes: Sequence[Example], cpu: str
) -> tuple[CpuCheck, ...]:
    """Run files on another processor, and hold them to what they give on this one.

    Args:
        files: converted files, each with its precision; those of runtimes that have no build for
            that processor are left out.
        probes: inputs; the first :data:`MOST_PROBES` are taken.
        cpu: one of :data:`CPUS`.

    Raises:
        InputError: if the processor is unknown, or none of the files runs on it.
        MissingExtraError: if its environment is not set up.
        ArtifactError: if a file cannot be loaded or run.
    """
    check_cpu(cpu)
    few = probes[:MOST_PROBES]
    fitting = [(path, precision) for path, precision in files if _has_build(path)]
    if not fitting:
        for path, _ in files:
            _refuse_compiled(path, cpu)
        raise InputError(f"no file here has a build of its runtime for {cpu}; give .tflite or .pte")
    return tuple(_checked(path, precision, few, cpu) for path, precision in fitting)


def _refuse_compiled(path: Path, cpu: str) -> None:
    """Say of a file for a chip's neural processor that no other processor runs it."""
    name = find_runtime(path)
    if RUNTIMES.find(name).own_files is None:
        return
    chips = "a Snapdragon's NPU" if name == "qnn-htp" else "a neural processor"
    raise InputError(
        f"{path}: compiled for {chips}, and its runtime is {name}, which has no build for {cpu}; "
        "give a file of --target tflite or executorch, or leave --cpu out"
    )


def _has_build(path: Path) -> bool:
    from edge_sdk.emulate.arm64.running import ARM_BUILDS

    return find_runtime(path) in ARM_BUILDS


def check_cpu(cpu: str) -> None:
    """Refuse what nothing here emulates.

    Raises:
        InputError: if the processor is unknown.
        MissingExtraError: if its environment is not set up.
    """
    from edge_sdk.emulate.arm64.environment import find_environment

    if cpu not in CPUS:
        raise InputError(f"unknown processor '{cpu}'; choose one of: {', '.join(CPUS)}")
    find_environment()


def _checked(path: Path, precision: str, probes: Sequence[Example], cpu: str) -> CpuCheck:
    from edge_sdk.emulate.arm64.running import open_on_arm64

    integer = family(precision) == "int8"
    gate = math.inf if integer else GATE_DB
    here = open_artifact(path)
    try:
        there = open_on_arm64(path, here)
    except InputError as error:
        return CpuCheck(path.name, cpu, math.nan, math.nan, gate, missing=str(error))
    expected, found = (artifact_results(runner, probes, path) for runner in (here, there))
    agreed = differences(expected, found, largest_values(expected), clip=False).psnr_db
    return CpuCheck(path.name, cpu, _equal(expected, found), agreed, gate, there.info)


def _equal(expected: Results, found: Results) -> float:
    same = [
        np.equal(left, right).ravel()
        for outputs in zip(expected, found, strict=True)
        for left, right in zip(*outputs, strict=True)
    ]
    return float(np.concatenate(same).mean())
