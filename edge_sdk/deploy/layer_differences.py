"""Where a file leaves its model: every module's result in the file's runtime, against PyTorch's.

A runtime shows what a file returns and nothing in between. So the model is converted once more with
the results of its modules as outputs, in the file's target and precision, and that file is run.
What a converter fuses across modules, it may not fuse there: the figures are of nearly the same
file, and tell where to look.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from edge_sdk.deploy.intermediate import with_module_outputs
from edge_sdk.emulate.parity.agreement import artifact_results, run_torch
from edge_sdk.emulate.parity.differences import Results, differences, largest_values
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import EdgeSdkError
from edge_sdk.exported import Inputs, one_or_all
from edge_sdk.targets import Converter


@dataclass(frozen=True)
class ModuleDifference:
    """How near a runtime's result of a module is to PyTorch's.

    Attributes:
        module: path and kind of the module.
        psnr_db: PSNR, the peak being the largest |value| that PyTorch has there; what the modules
            before have lost is part of it.
        max_abs_error: largest absolute difference.

    Example:
        >>> from edge_sdk.deploy import ModuleDifference
        >>> ModuleDifference("body.0 (Conv2d)", 142.1, 1e-7).psnr_db > 100
        True
    """

    module: str
    psnr_db: float
    max_abs_error: float


@dataclass(frozen=True)
class LayerDifferences:
    """All modules in one runtime.

    Attributes:
        target: that the model was converted to.
        precision: in which.
        modules: in the order in which they are computed.
        why: why there are none; empty where there are.

    Example:
        >>> from edge_sdk.deploy import LayerDifferences, ModuleDifference
        >>> rows = (ModuleDifference("a", 140.0, 1e-7), ModuleDifference("b", 40.0, 1e-2))
        >>> LayerDifferences("tflite", "fp32", rows).worst(1)[0].module
        'b'
    """

    target: str
    precision: str
    modules: tuple[ModuleDifference, ...]
    why: str = ""

    def worst(self, count: int) -> tuple[ModuleDifference, ...]:
        """The modules of least agreement, the worst first."""
        return tuple(sorted(self.modules, key=lambda each: each.psnr_db)[:count])


def layer_differences(
    model: nn.Module, converter: Converter, precision: str, probes: Sequence[Inputs]
) -> LayerDifferences:
    """Run a model's modules in a target's runtime and compare them with PyTorch.

    Args:
        model: as the converter takes it: fused, in int8 codes for an int8 file.
        converter: of a target whose files run here.
        precision: one of the target's.
        probes: inputs of one shape, one at least.

    Returns:
        All modules; none and a reason where the target cannot make or run such a file.
    """
    try:
        return _compared(model, converter, precision, probes)
    except EdgeSdkError as error:
        why = f"not shown by {converter.name}: {error}"
        return LayerDifferences(converter.name, precision, (), why)


def _compared(
    model: nn.Module, converter: Converter, precision: str, probes: Sequence[Inputs]
) -> LayerDifferences:
    nothing = LayerDifferences(converter.name, precision, ())
    example = one_or_all(probes[0])
    watched = with_module_outputs(model, example)
    if watched is None:
        return replace(nothing, why="the model is one module alone")
    expected = run_torch(watched.module, probes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"watched{converter.suffix}"
        converter.convert(watched.module, example, path, precision)
        results = artifact_results(open_artifact(path, trial=False), probes, path)
    if len(results[0]) != len(expected[0]):
        why = f"{converter.name} returns {len(results[0])} results of {len(expected[0])}"
        return replace(nothing, why=f"{why}; which is which cannot be told")
    modules = (
        _difference(name, *([[each[place]] for each in both] for both in (expected, results)))
        for place, name in enumerate(watched.names)
    )
    return replace(nothing, modules=tuple(modules))


def _difference(module: str, expected: Results, results: Results) -> ModuleDifference:
    if expected[0][0].shape != results[0][0].shape:
        return ModuleDifference(module, -math.inf, math.inf)
    found = differences(expected, results, largest_values(expected), clip=False)
    return ModuleDifference(module, found.psnr_db, found.max_abs_error)
