"""Whether a file that was just written computes what its model does, before anybody gets it.

The file runs in its own runtime on the example and on a seeded probe, and is held to PyTorch's
results. One that misses the gate of its precision is refused, with the first module whose values
differ: all modules' results are made outputs of one more file, which is run and compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from edge_sdk.data.probes.pictures import SEED, patterns, probe_pictures
from edge_sdk.deploy.layer_differences import layer_differences
from edge_sdk.emulate.parity.agreement import artifact_results, run_torch
from edge_sdk.emulate.parity.code_rounding import ROUNDING_STEPS, rounds_otherwise
from edge_sdk.emulate.parity.differences import Results, differences
from edge_sdk.emulate.parity.gates import GATES_DB, agreement_gate_db, family
from edge_sdk.emulate.parity.graph_codes import code_peaks
from edge_sdk.emulate.runtimes.names import runtimes_of
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ConversionError, EdgeSdkError, MissingExtraError, UnknownOperationError
from edge_sdk.exported import Example, Inputs, as_inputs, quiet_copy
from edge_sdk.models.spec import PictureSpec
from edge_sdk.quantization.insertion import is_quantized
from edge_sdk.size_range import SizeRange
from edge_sdk.targets import Converter, runs_here

LOSSY = "palette"
"""The precision whose loss no PyTorch model has: it is judged on pictures."""
OWN_ERROR_DB = 6.0
"""A file may be this much further from the model in float64 than PyTorch's float32 is."""


@dataclass(frozen=True)
class SelfCheck:
    """What running a file that was just written has shown.

    Attributes:
        psnr_db: agreement with PyTorch over all probes, of the worst output; ``None`` if the file
            was not run.
        gate_db: least that passes.
        probes: inputs that were compared.
        runtime: what ran it, with its version.
        left_out: why the file was not run; empty if it was.
        note: what else there is to say of the figure; often empty.

    Example:
        >>> from edge_sdk.deploy import SelfCheck
        >>> str(SelfCheck(153.2, 100.0, 2, "ExecuTorch 1.5.1"))
        '153.2 dB against PyTorch on 2 inputs in ExecuTorch 1.5.1 (at least 100)'
        >>> str(SelfCheck(None, None, 0, "", "--no-check"))
        'not checked: --no-check'
    """

    psnr_db: float | None
    gate_db: float | None
    probes: int
    runtime: str
    left_out: str = ""
    note: str = ""

    def __str__(self) -> str:
        if self.psnr_db is None or self.gate_db is None:
            return f"not checked: {self.left_out}"
        figure = "equal to" if math.isinf(self.psnr_db) else f"{self.psnr_db:.1f} dB against"
        text = f"{figure} PyTorch on {self.probes} inputs in {self.runtime}"
        return f"{text} (at least {self.gate_db:.0f}){self.note and '; '}{self.note}"


def left_unchecked(reason: str) -> SelfCheck:
    """The check of a file that is not run."""
    return SelfCheck(None, None, 0, "", reason)


def self_check(
    model: nn.Module,
    example: Example,
    path: Path,
    precision: str,
    converter: Converter,
    *,
    spec: PictureSpec | None = None,
    sizes: SizeRange | None = None,
    instead: str = "",
) -> SelfCheck:
    """Run a file on its example and on seeded probes and hold it to PyTorch.

    Args:
        model: what the converter was given: the fused model, or its graph with int8 codes.
        example: the model's input or inputs, as the converter was given them.
        path: the file.
        precision: of the file.
        converter: what wrote it.
        spec: what the model does to pictures, if it returns pictures in [0, 1]: the peak of the
            PSNR is 1 then, and what int8 clips there counts as no error. Otherwise the peak is the
            largest |value| of an output, or, of one in codes, all that its codes can say: so one
            code is 48 dB whatever part of them the probes reach.
        sizes: that the file takes; it is run on the least, the most and what lies between.
        instead: what to do where the file fails; empty for what a user of ``convert`` can do.

    Returns:
        What was found; ``left_out`` says why where nothing here runs the file.

    Raises:
        ConversionError: if the file does not run, has other outputs than the model, or differs by
            more than its precision explains.
    """
    if not runs_here(converter):
        return left_unchecked(f"nothing on this machine runs files of {converter.name}")
    if precision not in GATES_DB:
        return left_unchecked(f"precision '{precision}' has no gate")
    if not runtimes_of(path.suffix):
        return left_unchecked(f"no runtime here opens {path.suffix} files")
    instead = instead or _other_way(converter)
    try:
        runner = open_artifact(path, trial=False)
        shown = _photographs(example, spec) if precision == LOSSY else _probes(example, sizes)
        if sizes is not None and precision != LOSSY:
            shown += _odd_probe(model, example, sizes)
        if not shown:
            return left_unchecked(f"what {precision} loses shows on photographs, and here are none")
        probes, expected = _finite(model, shown)
        results = artifact_results(runner, probes, path)
    except MissingExtraError as error:
        return left_unchecked(str(error))
    except UnknownOperationError as error:
        return left_unchecked(str(error).removeprefix(f"{path}: "))
    except EdgeSdkError as error:
        raise ConversionError(
            f"{type(model).__name__}: the file that --target {converter.name} made of it does not "
            f"run ({error}); {instead}"
        ) from error
    if not probes:
        return left_unchecked("the model gives numbers that are not finite for every probe")
    for returned_, known_ in zip(results, expected, strict=True):
        shapes = [[each.shape for each in outputs] for outputs in (returned_, known_)]
        if shapes[0] == shapes[1]:
            continue
        returned, known = (
            " and ".join("×".join(map(str, each)) for each in all_) for all_ in shapes
        )
        raise ConversionError(
            f"{type(model).__name__}: the file that --target {converter.name} made of it returns "
            f"{returned}, the model {known}; {instead}"
        )
    gate = _gate(model, precision, runner.info.name)
    clip = spec is not None and family(precision) == "int8"
    peaks = code_peaks(model, expected) if spec is None else tuple(1.0 for _ in expected[0])
    found = differences(expected, results, peaks, clip=clip).psnr_db
    note = ""
    if not found >= gate:
        note = _as_exact_as_torch(model, probes, expected, results, peaks, precision)
        if family(precision) == "int8" and rounds_otherwise(
            model, probes, expected, peaks, found, gate, runner.info.name, clip=clip
        ):
            note = (
                f"under it by no more than the same codes move when values are moved by "
                f"1/{1 / ROUNDING_STEPS:.0f} of a step before they are rounded"
            )
        if not note:
            where = _first_difference(model, example, precision, converter)
            raise ConversionError(
                f"{where or type(model).__name__}: what --target {converter.name} made of it "
                f"computes something else, {found:.1f} dB against PyTorch where {precision} must "
                f"reach {gate:.0f}; {instead}"
            )
    return SelfCheck(found, gate, len(probes), runner.info.runtime, note=note)


def _other_way(converter: Converter) -> str:
    return (
        f"rewrite that part of the model or take another target than {converter.name}; to look at "
        "the file all the same, convert with --no-check"
    )


def _gate(model: nn.Module, precision: str, runtime: str) -> float:
    """Against a graph that holds the same codes, or against float numbers."""
    if is_quantized(model):
        return agreement_gate_db(precision, runtime)
    return GATES_DB[precision]


def _probes(example: Example, sizes: SizeRange | None) -> list[Inputs]:
    """The example, and one half of noise, one of edges, over its values and at least [0, 1].

    Of a file that takes many sizes one such in each of its extremes, and of a size between them.
    """
    inputs = as_inputs(example)
    drawn = tuple(_drawn(each, index) for index, each in enumerate(inputs))
    if sizes is None:
        return [inputs, drawn]
    (only,) = inputs
    return [inputs] + [
        (_drawn(only.new_zeros((*only.shape[:2], *size)), 0),) for size in sizes.probed
    ]


def _odd_probe(model: nn.Module, example: Example, sizes: SizeRange) -> list[Inputs]:
    """One of a size off the corners' grid, if the model itself takes it."""
    (only,) = as_inputs(example)
    probe = (_drawn(only.new_zeros((*only.shape[:2], *sizes.odd)), 1),)
    try:
        run_torch(model, [probe])
    except (RuntimeError, ValueError, IndexError):
        return []
    return [probe]


def _photographs(example: Example, spec: PictureSpec | None) -> list[Inputs]:
    """Crops of photographs; none for a model of something else, or where there are none.

    On noise and edges, weights of 64 values lose more than on any picture, which is no fault of
    the file.
    """
    if spec is None:
        return []
    found = probe_pictures(example, spec, None)
    return [] if found.source.startswith("noise") else [*map(as_inputs, found.tensors)]


def _drawn(example: Tensor, index: int) -> Tensor:
    noise, _, edges = patterns(example, SEED + index)
    half = example.shape[-1] // 2
    probe = torch.cat((noise[..., :half], edges[..., half:]), -1)
    low, high = min(0.0, float(example.min())), max(1.0, float(example.max()))
    return probe * (high - low) + low


def _finite(model: nn.Module, probes: Sequence[Inputs]) -> tuple[list[Inputs], Results]:
    """Probes for which the model gives finite numbers, and those."""
    kept, expected = [], []
    for probe, results in zip(probes, run_torch(model, probes), strict=True):
        if all(torch.from_numpy(array).isfinite().all() for array in results):
            kept.append(probe)
            expected.append(results)
    return kept, expected


def _as_exact_as_torch(
    model: nn.Module,
    probes: Sequence[Inputs],
    expected: Results,
    results: Results,
    peaks: tuple[float, ...],
    precision: str,
) -> str:
    """A note where float32 itself is no nearer to the model than the file is; empty otherwise."""
    if precision != "fp32":
        return ""
    exact = quiet_copy(model).double().eval()
    try:
        with torch.no_grad():
            truth = [
                [
                    leaf.numpy()
                    for leaf in torch.utils._pytree.tree_leaves(
                        exact(*(each.double() for each in probe))
                    )
                ]
                for probe in probes
            ]
    except (RuntimeError, TypeError):
        return ""
    own = differences(truth, expected, peaks, clip=False).psnr_db
    others = differences(truth, results, peaks, clip=False).psnr_db
    if not others >= own - OWN_ERROR_DB:
        return ""
    return f"PyTorch's own float32 is {own:.1f} dB from the model in float64, the file {others:.1f}"


def _first_difference(
    model: nn.Module, example: Example, precision: str, converter: Converter
) -> str:
    """The first module whose result differs, in the order of the graph; empty if none is found."""
    gate = _gate(model, precision, "")
    shown = layer_differences(model, converter, precision, [as_inputs(example)])
    return next((each.module for each in shown.modules if not each.psnr_db >= gate), "")
