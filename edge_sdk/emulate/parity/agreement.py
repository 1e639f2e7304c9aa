"""How far an artifact is from the PyTorch model it was made from, in dB.

PSNR = −10·log₁₀(mean (a − b)²) with peak 1.0; +∞ if the two are identical, −∞ if the artifact
returns a value that is not a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.emulate.parity.differences import Results
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import Runner, RunnerInfo
from edge_sdk.errors import ArtifactError, InputError
from edge_sdk.exported import Example, Inputs, as_inputs, check_example, quiet_copy

if TYPE_CHECKING:
    from torch import nn

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


def psnr_db(reference: NDArray[np.generic], other: NDArray[np.generic]) -> float:
    """PSNR in dB with peak 1.0 between two float arrays of one shape."""
    difference = reference.astype(np.float64) - other.astype(np.float64)
    mean_square = float(np.mean(np.square(difference)))
    if not math.isfinite(mean_square):
        return -math.inf
    return math.inf if mean_square == 0 else -10 * math.log10(mean_square)


def verify(
    model: nn.Module, examples: Tensor | Sequence[Example], artifact_path: Path
) -> ParityReport:
    """Compare an artifact with its model, run eagerly in float32 and eval mode.

    Args:
        model: the model the artifact was made from; it is not changed.
        examples: one or several inputs, float32 in the artifact's shape, pictures in [0, 1]; of a
            model of several inputs, a list of tuples with a tensor for each.
        artifact_path: ``.pte``, ``.tflite`` or ``.mlpackage``.

    Returns:
        Agreement per output, worst over the examples.

    Raises:
        MissingExtraError: if the artifact's runtime is not installed.
        ArtifactError: if the artifact cannot be loaded, or its inputs or outputs do not fit.
        InputError: if there are no examples, or one is no float32 tensor of 1 to 6 axes.
    """
    probes = check_probes(examples)
    runner = open_artifact(artifact_path)
    outputs = _compare(run_torch(model, probes), run_artifact(runner, probes, artifact_path))
    return ParityReport(artifact=Path(artifact_path), runner=runner.info, outputs=outputs)


def check_probes(examples: Tensor | Sequence[Example]) -> list[Inputs]:
    """Examples as a list of a model's inputs on the CPU.

    Raises:
        InputError: if there are none, or one is no float32 tensor of 1 to 6 axes.
    """
    probes = [examples] if isinstance(examples, Tensor) else list(examples)
    if not probes:
        raise InputError("examples: none given; pass at least one input")
    for probe in probes:
        check_example(probe)
    return [tuple(each.detach().cpu() for each in as_inputs(probe)) for probe in probes]


def run_torch(model: nn.Module, probes: Sequence[Example]) -> Results:
    """Outputs of a float32 copy of a model in evaluation mode, in order, for each probe."""
    private = quiet_copy(model).float().cpu()
    private.eval()
    with torch.no_grad():
        return [
            [tensor.numpy() for tensor in _flatten(private(*as_inputs(probe)))] for probe in probes
        ]


def _flatten(result: Any) -> list[Tensor]:
    """Tensors of a model's result, in the order in which torch.export numbers them."""
    leaves = torch.utils._pytree.tree_leaves(result)
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def run_artifact(runner: Runner, probes: Sequence[Example], path: Path) -> list[Outputs]:
    """Outputs of an artifact by name, for each probe.

    Raises:
        ArtifactError: if it takes more or fewer inputs than the model, or not the probes.
    """
    names = list(runner.input_shapes)
    found = []
    for probe in probes:
        inputs = as_inputs(probe)
        if len(names) != len(inputs):
            raise ArtifactError(
                f"{path}: takes {len(names)} inputs and the model {len(inputs)}; name the model "
                "that it was made from"
            )
        found.append(
            runner.run({name: each.numpy() for name, each in zip(names, inputs, strict=True)})
        )
    return found


def artifact_results(runner: Runner, probes: Sequence[Example], path: Path) -> Results:
    """Outputs of an artifact in order, for each probe.

    Raises:
        ArtifactError: as :func:`run_artifact`.
    """
    return [list(outputs.values()) for outputs in run_artifact(runner, probes, path)]


def _compare(
    reference: Results,
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
