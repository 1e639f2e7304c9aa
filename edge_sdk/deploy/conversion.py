"""A model as a file for a phone's runtime: prepared as its precision asks, then lowered."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from edge_sdk.artifacts.package_folder import check_package_place, is_package, place_package
from edge_sdk.deploy.preparation import prepare, read_scheme
from edge_sdk.deploy.self_check import SelfCheck, left_unchecked, self_check
from edge_sdk.errors import ConversionError, EdgeSdkError, InputError, OutputError, first_line
from edge_sdk.exported import Example, one_or_all
from edge_sdk.models.normalization import Normalization
from edge_sdk.outputs import check_writable, replacing
from edge_sdk.quantization import Scheme
from edge_sdk.reparam import Certificate
from edge_sdk.size_range import SizeRange
from edge_sdk.targets import (
    Converter,
    LoweringReport,
    check_converts,
    converter_names,
    find_converter,
    for_soc,
    takes_size_ranges,
)
from edge_sdk.zoo.loading import GivenExample, LoadedModel, as_loaded

DEFAULT_SIZE = (128, 128)
"""Height and width of the input of a file, unless another is requested."""


@dataclass(frozen=True)
class ConvertedModel:
    """A file that was made of a model.

    Attributes:
        path: the file, or the folder of a package.
        report: what became of the model's operators, its inputs and outputs.
        certificate: proof that the fused model, which was converted, equals the model given.
        ranges: for people: where the int8 ranges come from; empty in floating point.
        check: what running the file has shown, or why it was not run.
        notes: for people: what was done to the model beyond what was asked, one sentence each.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import ConvertedModel, LoweringReport, fuse
        >>> fused, certificate = fuse(nn.Conv2d(3, 8, 3), torch.rand(1, 3, 16, 16))
        >>> report = LoweringReport("tflite", "fp32", (), (), {"CONV_2D": 1})
        >>> made = ConvertedModel(Path("conv.tflite"), report, certificate)
        >>> made.certificate.error_float64 < 1e-11, made.ranges
        (True, '')
    """

    path: Path
    report: LoweringReport
    certificate: Certificate
    ranges: str = ""
    check: SelfCheck = field(default_factory=lambda: left_unchecked("it was not asked for"))
    notes: tuple[str, ...] = ()


def convert(
    model: str | Path | nn.Module | LoadedModel,
    target: str,
    path: str | Path,
    precision: str | None = None,
    *,
    example: GivenExample | None = None,
    size: tuple[int, int] | SizeRange | None = None,
    calibration: str | Path | None = None,
    scheme: Scheme | str | Path | None = None,
    keep_branches: bool = False,
    check: bool = True,
    normalization: Normalization | None = None,
    soc: str | None = None,
) -> ConvertedModel:
    """Fuse a model, put its int8 codes in if asked, and write it as a file for a target.

    The file is run before it is handed over, wherever its runtime is here: on the example and on
    seeded probes, against PyTorch. One that computes something else is not written.

    Args:
        model: shipped name, ``.safetensors`` file, ``package.module:callable``, or a float32 module
            of one input or several; it is left untouched.
        target: name of a converter, such as ``executorch``, ``coreml`` or ``tflite``.
        path: the file to write, with the target's suffix; it appears whole or not at all.
        precision: ``fp32``, ``fp16``, ``int8``, or another of the target's; ``None`` for its first.
        example: an input of the model, float32 in [0, 1], or its shape, which becomes the shape of
            the file's input; one tensor or shape for each input of a model of several; ``None`` for
            a model that knows its own.
        size: height and width of the file's input, or a range of them where the target has such
            (ExecuTorch, Core ML), beside an ``example`` for its channels; ``None`` for those of
            ``example``, or of the model's own, or where the model takes any, 128×128 or the
            preview of one that tells classes apart.
        calibration: folder of pictures, or ``.npy``, ``.npz`` or ``.safetensors`` of inputs, to
            choose int8 ranges by; ``None`` for those in the model's own file.
        scheme: int8 codes chosen before, or the ``.json`` that ``edge-sdk quantize`` wrote.
        keep_branches: convert a model that is merged in part as it is, instead of merging the rest.
        check: run the file and refuse one that misses the gate of its precision.
        normalization: what calibration pictures in [0, 1] are put through before the model gets
            them.
        soc: chip that the file is compiled for, such as ``SM8650``, where the target compiles for
            one; ``None`` for the target's usual.

    Returns:
        The file, the report of its lowering, and the certificate of the fusion.

    Raises:
        InputError: if the target, the precision or the chip is unknown, ``size`` and ``example``
            are both given, no example is known, int8 is requested and there are no ranges, or
            branches are to be kept where there are none.
        ModelError: if there is no such model.
        MissingExtraError: if the target's package is not installed, or it waits for its vendor's.
        FusionError: if fusing cannot be proved of a model with multi-branch blocks.
        ConversionError: if the target has no counterpart of an operator, or its file computes
            something else than the model; the message names the module.
        OutputError: if the file cannot be written.

    Example:
        >>> from edge_sdk import convert, open_artifact
        >>> made = convert("sr_x2_y", "executorch", "sr.pte", size=(48, 64))
        >>> made.report.precision, made.report.partitions
        ('fp32', 1)
        >>> made.check.psnr_db > made.check.gate_db
        True
        >>> open_artifact(made.path).output_shapes
        {'output': (1, 1, 96, 128)}
    """
    converter = for_soc(find_converter(target), soc)
    check_converts(converter)
    precision = precision or converter.precisions[0]
    if precision not in converter.precisions:
        raise InputError(
            f"target '{target}' has no precision '{precision}'; choose one of: "
            + ", ".join(converter.precisions)
        )
    sizes, only = (size, None) if isinstance(size, SizeRange) else (None, size)
    if sizes is not None:
        _check_takes(converter, sizes)
    elif only is not None and (isinstance(only, int) or len(only) != 2):
        raise InputError(f"size is a height and a width, such as (48, 64), not {size!r}")
    if only is not None and example is not None:
        raise InputError("size and example both give the input's size; give one of them")
    loaded = replace(as_loaded(model, example), keeps_branches=keep_branches)
    if normalization is not None:
        loaded = replace(loaded, normalization=normalization)
    if loaded.normalization is not None and calibration is None:
        raise InputError(
            "mean and std are for the pictures of a calibration, and no file contains them; give "
            "--calibration, or leave them out"
        )
    if sizes is not None:
        only = sizes.least
    elif only is None and example is None and loaded.spec is not None:
        only = usual_size(loaded)
    given = (loaded if only is None else loaded.resized(*only)).example
    prepared = prepare(
        loaded,
        given,
        precision,
        None if calibration is None else Path(calibration),
        scheme=scheme if scheme is None or isinstance(scheme, Scheme) else read_scheme(scheme),
    )
    notes = (*prepared.notes, *_input_notes(loaded))
    path = Path(path)
    shown = left_unchecked("--no-check")
    with _staged(path) as staged:
        # A converter that has no ranges need not have the argument.
        ranged: dict[str, Any] = {} if sizes is None else {"sizes": sizes}
        report = _converted(converter, prepared.model, one_or_all(given), staged, precision, ranged)
        if check:
            shown = self_check(
                prepared.model,
                given,
                staged,
                precision,
                converter,
                spec=loaded.picture_spec,
                sizes=sizes,
            )
    return ConvertedModel(path, report, prepared.certificate, prepared.source, shown, notes)


def usual_size(loaded: LoadedModel) -> tuple[int, int]:
    """Height and width of a file's input where none are given."""
    own = loaded.recognition_spec
    return DEFAULT_SIZE if own is None else (own.preview_px, own.preview_px)


def _input_notes(loaded: LoadedModel) -> tuple[str, ...]:
    """What a file of a model that tells classes apart takes and gives, which it does not say."""
    own = loaded.recognition_spec
    if own is None:
        return ()
    values, normalization = "sRGB in [0, 1]", own.normalization
    if normalization is not None:
        mean, std = (
            ", ".join(f"{each:g}" for each in numbers)
            for numbers in (normalization.mean, normalization.std)
        )
        values = (
            f"(sRGB in [0, 1] − mean) / std with mean {mean} and std {std}, which the file does "
            "not compute"
        )
    return (
        f"the input is {values}",
        f"the output is logits, without a softmax, of: {', '.join(own.classes)}",
    )


def _converted(
    converter: Converter,
    model: nn.Module,
    example: Example,
    path: Path,
    precision: str,
    ranged: dict[str, Any],
) -> LoweringReport:
    """Convert; where sizes stay free, whatever stumbles over one that is no number is told so.

    Raises:
        ConversionError: as of the converter, or if a rewrite or a package cannot take free sizes.
    """
    try:
        return converter.convert(model, example, path, precision, **ranged)
    except EdgeSdkError:
        raise
    except Exception as error:
        if not ranged:
            raise
        raise ConversionError(
            f"{type(model).__name__}: --target {converter.name} cannot keep its sizes free "
            f"({first_line(error)}); convert it for each size, such as 64x64,128x96"
        ) from error


def _check_takes(converter: Converter, sizes: SizeRange) -> None:
    """Refuse a range where a target has none.

    Raises:
        InputError: naming the targets that have.
    """
    if takes_size_ranges(converter):
        return
    able = [name for name in converter_names() if takes_size_ranges(find_converter(name))]
    raise InputError(
        f"size {sizes}: files of target '{converter.name}' have one size each; give a list of them "
        f"for a file each, such as 64x64,128x96, or take {' or '.join(able)}"
    )


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """Give a place for a file beside ``path``; what is there in the end takes its place.

    Raises:
        OutputError: if ``path`` cannot be written.
        EdgeSdkError: as it is raised meanwhile, about ``path``.
    """
    as_folder = is_package(path)
    check = check_package_place if as_folder else check_writable
    check(path)
    try:
        beside = tempfile.TemporaryDirectory(prefix=f".{path.stem}.", dir=path.resolve().parent)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error
    with beside as folder:
        staged = Path(folder) / path.name
        try:
            yield staged
        except EdgeSdkError as error:
            error.args = (str(error).replace(str(staged), str(path)),)
            raise
        if as_folder:
            place_package(staged.rename, path)
        else:
            with replacing(path) as temporary:
                staged.rename(temporary)
