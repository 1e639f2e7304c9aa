"""The whole parity chain of a loaded model: prepared, converted where asked, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from edge_sdk.data.probes.pictures import joint_patterns, probe_pictures
from edge_sdk.deploy.files_to_verify import check_target, convert_all_here
from edge_sdk.deploy.layer_differences import LayerDifferences, layer_differences
from edge_sdk.deploy.other_cpus import CpuCheck, check_cpu, check_cpus
from edge_sdk.deploy.preparation import INT8, Prepared, prepare
from edge_sdk.emulate.parity.chain import parity_chain
from edge_sdk.emulate.parity.rows import Artifact, ParityRow, Step
from edge_sdk.emulate.parity.task_gates import TaskGate
from edge_sdk.emulate.runtimes.names import RUNTIMES
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.runner import EngineRunner, Runner
from edge_sdk.errors import InputError
from edge_sdk.exported import Example, as_inputs, one_or_all
from edge_sdk.quantization import Scheme
from edge_sdk.quantization.layer_report import LayerError, layer_errors
from edge_sdk.reparam import Certificate
from edge_sdk.targets import find_converter, for_soc
from edge_sdk.zoo.loading import LoadedModel

SIZE = (64, 64)
"""Input of the files that are converted on the way."""
CODED = (*INT8, "w8")
PROBED = 2
"""Inputs on which single modules are compared."""


@dataclass(frozen=True, eq=False)
class Parity:
    """A parity chain with all that a reader wants beside it.

    Attributes:
        model: what the user typed.
        rows: torch, fused, quantized where there are codes, then each file.
        shape: input of all, the first of several.
        source: what they were compared on.
        certificate: proof that the fused model equals the original; MACs and bytes moved.
        layers: what int8 keeps of every layer, by the names of the original modules; empty in
            floating point.
        notes: what was done to the model beyond what was asked, and targets that were left out.
        maps: for each file, the input and the error of one probe.
        further_shapes: of the other inputs of a model of several.
        gate: what every step had to reach in place of its dB; ``None`` for the dB.
        modules: for each runtime that ran a file, every module's result in it, if that was asked.
        cpus: each file on a processor of another kind, if one was asked for.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import Parity, fuse
        >>> from edge_sdk.emulate import Step, parity_chain
        >>> model, picture = nn.Conv2d(3, 3, 3), torch.rand(1, 3, 16, 16)
        >>> fused, certificate = fuse(model, picture)
        >>> rows = parity_chain(model, [Step("fused", "fp32", fused)], [], picture)
        >>> Parity("conv", rows, (1, 3, 16, 16), "noise", certificate, (), (), ()).passed
        True
    """

    model: str
    rows: tuple[ParityRow, ...]
    shape: tuple[int, ...]
    source: str
    certificate: Certificate
    layers: tuple[LayerError, ...]
    notes: tuple[str, ...]
    maps: tuple[ErrorMap, ...]
    further_shapes: tuple[tuple[int, ...], ...] = ()
    gate: TaskGate | None = None
    modules: tuple[LayerDifferences, ...] = ()
    cpus: tuple[CpuCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every step ran and reaches its gate."""
        return all(row.passed for row in self.rows) and all(each.passed for each in self.cpus)


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """Where a file differs from the model.

    Attributes:
        step: name of the file.
        reference: output of the float32 model for one probe, float32 [C, H, W].
        error: |difference| there, float32 [C, H, W].

    Example:
        >>> import torch
        >>> from edge_sdk.deploy import ErrorMap
        >>> found = ErrorMap("mine.pte", torch.rand(1, 48, 64), error=torch.zeros(1, 48, 64))
        >>> float(found.error.max())
        0.0
    """

    step: str
    reference: Tensor
    error: Tensor


def check_parity(
    loaded: LoadedModel,
    artifacts: Sequence[Path],
    precision: str | None,
    folder: Path,
    pictures: Path | None = None,
    calibration: Path | None = None,
    scheme: Scheme | None = None,
    gate: TaskGate | None = None,
    layers: bool = False,
    target: str | None = None,
    soc: str | None = None,
    cpu: str | None = None,
) -> Parity:
    """Compare a model with files made from it, or with files made here for the purpose.

    Args:
        loaded: the model.
        artifacts: converted files of one input shape; empty for every installed target.
        precision: what to convert in (fp32 if not given), or what the files must be in.
        folder: where files that are made here go.
        pictures: folder of pictures to compare on.
        calibration: folder of pictures for int8 ranges; int8 files must have been made from the
            same, or they hold other codes.
        scheme: the quantization that int8 files were made from.
        gate: what every step must reach in place of its dB; ``None`` for the dB of its precision.
        layers: compare every module's result too, in each runtime that ran a file.
        target: the one target to convert to, where there are no artifacts; ``None`` for all.
        soc: chip to convert for, where the target compiles for one.
        cpu: processor of another kind to run the files on too, such as ``arm64``.

    Raises:
        InputError: if the target or chip is unknown, or given beside artifacts; if the files take
            different shapes, or do not fit the model.
        MissingExtraError: if no target is installed.
        ArtifactError: if a file cannot be loaded.
        FusionError: if fusing cannot be proved.
    """
    if artifacts and (target is not None or soc is not None):
        raise InputError(
            "--target and --soc choose what is converted here; leave them out of files"
        )
    if soc is not None and target is None:
        raise InputError("--soc is for one target; name it by --target")
    if cpu is not None:
        check_cpu(cpu)
    if artifacts:
        runners = {path: open_artifact(path) for path in artifacts}
        found = {runner.precision or "fp32" for runner in runners.values()}
        own_shapes = tuple(tuple(each.shape) for each in loaded.example)
        shapes = _common_shapes(runners, own_shapes)
        coded = sorted(found & {"int8", "w8"})
        if len(coded) > 1:
            raise InputError("the files mix w8 and int8; verify them one kind at a time")
        example = _example(loaded, shapes)
        prepared = prepare(
            loaded, example, coded[0] if coded else "fp32", calibration, scheme=scheme
        )
        given: list[Artifact | ParityRow] = [
            Artifact(path, precision, runners[path]) for path in artifacts
        ]
        notes: tuple[str, ...] = ()
    else:
        only = None if target is None else for_soc(find_converter(target), soc)
        chosen = precision or ("fp32" if only is None else only.precisions[0])
        check_target(only, chosen)
        example = (loaded if loaded.spec is None else loaded.resized(*SIZE)).example
        prepared = prepare(loaded, example, chosen, calibration, scheme=scheme)
        given, notes = convert_all_here(prepared, one_or_all(example), folder, only)
    inputs = probe_pictures(example, loaded.picture_spec, pictures, loaded.input_normalization)
    # A figure of the user's is of the user's data.
    own = gate is not None or inputs.source.startswith("noise")
    more = () if own else joint_patterns(example)
    steps = [Step("branches kept" if loaded.keeps_branches else "fused", "fp32", prepared.fused)]
    if prepared.scheme is not None:
        steps.append(Step("quantized", prepared.precision, prepared.model, prepared.float_form))
    rows = parity_chain(
        loaded.network,
        steps,
        given,
        inputs.tensors,
        float_probes=more,
        pictures=loaded.picture_spec is not None,
        gate=gate,
    )
    floats = "; for floats also noise, a ramp and edges" if more else ""
    return Parity(
        loaded.name,
        rows,
        tuple(example[0].shape),
        inputs.source + floats,
        prepared.certificate,
        _layers(prepared, inputs.tensors),
        (*prepared.notes, *notes),
        _error_maps(loaded.network, rows, inputs.tensors[0]),
        tuple(tuple(each.shape) for each in example[1:]),
        gate,
        tuple(_modules(prepared, rows, inputs.tensors, soc)) if layers else (),
        () if cpu is None else check_cpus(_ran(given, rows), inputs.tensors, cpu),
    )


def _ran(
    given: Sequence[Artifact | ParityRow], rows: Sequence[ParityRow]
) -> tuple[tuple[Path, str], ...]:
    """Files that a runtime here has run, each with its precision."""
    rows = rows[len(rows) - len(given) :]
    return tuple(
        (each.path, row.precision)
        for each, row in zip(given, rows, strict=True)
        if isinstance(each, Artifact) and row.runner is not None
    )


def _layers(prepared: Prepared, inputs: Sequence[Example]) -> tuple[LayerError, ...]:
    if prepared.scheme is None or prepared.graph is None:
        return ()
    assert isinstance(prepared.model, fx.GraphModule)
    return layer_errors(prepared.graph, prepared.model, prepared.scheme, inputs[:6])


def _modules(
    prepared: Prepared, rows: Sequence[ParityRow], probes: Sequence[Example], soc: str | None
) -> Iterator[LayerDifferences]:
    """Every module in the runtime and precision of each file; what is in codes, by its codes."""
    ran = dict.fromkeys(
        (RUNTIMES.find(row.runner.name).target, row.precision) for row in rows if row.runner
    )
    for target, precision in ran:
        if target is not None:
            coded = prepared.scheme is not None and precision in CODED
            model = prepared.model if coded else prepared.fused
            few = [as_inputs(probe) for probe in probes[:PROBED]]
            converter = for_soc(find_converter(target), soc)
            yield layer_differences(model, converter, precision, few)


Shapes = tuple[tuple[int, ...], ...]


def _common_shapes(runners: Mapping[Path, Runner], own: Shapes) -> Shapes:
    """Shapes that all files take: of a file of one size its own, else the model's if they fit."""
    largest = {path: tuple(runner.input_shapes.values()) for path, runner in runners.items()}
    static = [path for path, runner in runners.items() if not _takes_ranges(runner)]
    first = static[0] if static else next(iter(largest))

    def misfits(shapes: Shapes) -> list[Path]:
        return [p for p, runner in runners.items() if not _takes(runner, shapes, largest[p])]

    for shapes in (largest[first],) if static else (own, largest[first]):
        if not misfits(shapes):
            return shapes
    path = misfits(largest[first])[0]
    raise InputError(
        f"{path} takes {_shown(largest[path])} and {first} takes {_shown(largest[first])}; verify "
        "them one by one"
    )


def _takes_ranges(runner: Runner) -> bool:
    return isinstance(runner, EngineRunner) and runner.takes_ranges


def _takes(runner: Runner, shapes: Shapes, own: Shapes) -> bool:
    return runner.takes(shapes) if isinstance(runner, EngineRunner) else shapes == own


def _example(loaded: LoadedModel, shapes: Shapes) -> tuple[Tensor, ...]:
    """The model's example in the shapes of files, if they can be of the model at all."""
    own = tuple(tuple(each.shape) for each in loaded.example)
    if own == shapes:
        return loaded.example
    sized = len(shapes) == len(own) == 1 and len(shapes[0]) == len(own[0]) == 4
    if not sized or shapes[0][1] != own[0][1]:
        raise InputError(
            f"the files take {_shown(shapes)}, the model {_shown(own)}; name the model they were "
            "made from"
        )
    return loaded.resized(*shapes[0][2:]).example


def _shown(shapes: Shapes) -> str:
    return " and ".join(map(str, shapes))


def _error_maps(
    model: nn.Module, rows: Sequence[ParityRow], probe: Example
) -> tuple[ErrorMap, ...]:
    if not isinstance(probe, Tensor):
        return ()
    with torch.no_grad():
        reference = model(probe)
    if not isinstance(reference, Tensor) or reference.ndim != 4 or reference.shape[1] not in (1, 3):
        return ()
    return tuple(
        ErrorMap(row.step, reference[0], torch.from_numpy(row.first_error[0]).float())
        for row in rows
        if row.runner is not None and row.first_error is not None
    )
