"""A model as a file for a phone's runtime: prepared as its precision asks, then lowered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from edge_sdk.deploy.preparation import prepare, read_scheme
from edge_sdk.errors import InputError
from edge_sdk.quantization import Scheme
from edge_sdk.reparam import Certificate
from edge_sdk.targets import LoweringReport, find_converter
from edge_sdk.zoo.loading import LoadedModel, as_loaded

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


def convert(
    model: str | Path | nn.Module | LoadedModel,
    target: str,
    path: str | Path,
    precision: str | None = None,
    *,
    example: Tensor | Sequence[int] | None = None,
    size: tuple[int, int] | None = None,
    calibration: str | Path | None = None,
    scheme: Scheme | str | Path | None = None,
    keep_branches: bool = False,
) -> ConvertedModel:
    """Fuse a model, put its int8 codes in if asked, and write it as a file for a target.

    Args:
        model: shipped name, ``.safetensors`` file, ``package.module:callable``, or a float32 module
            of one picture N×C×H×W; it is left untouched.
        target: name of a converter, such as ``executorch``, ``coreml`` or ``tflite``.
        path: the file to write, with the target's suffix; it appears whole or not at all.
        precision: ``fp32``, ``fp16``, ``int8``, or another of the target's; ``None`` for its first.
        example: an input of the model, float32 in [0, 1], or its shape, which becomes the shape of
            the file's input; ``None`` for a model that knows its own.
        size: height and width of the file's input; ``None`` for those of ``example``, or of the
            model's own, or 128×128 where the model takes any.
        calibration: folder of pictures to choose int8 ranges by; ``None`` for those in the model's
            own file.
        scheme: int8 codes chosen before, or the ``.json`` that ``edge-sdk quantize`` wrote.
        keep_branches: convert a model that is merged in part as it is, instead of merging the rest.

    Returns:
        The file, the report of its lowering, and the certificate of the fusion.

    Raises:
        InputError: if the target or the precision is unknown, ``size`` and ``example`` are both
            given, no example is known, int8 is requested and there are no ranges, or branches are
            to be kept where there are none.
        ModelError: if there is no such model.
        MissingExtraError: if the target's package is not installed.
        FusionError: if fusing cannot be proved.
        ConversionError: if the target has no counterpart of an operator.
        OutputError: if the file cannot be written.

    Example:
        >>> from edge_sdk import convert, open_artifact
        >>> made = convert("sr_x2_y", "executorch", "sr.pte", size=(48, 64))
        >>> made.report.precision, made.report.partitions
        ('fp32', 1)
        >>> open_artifact(made.path).output_shapes
        {'output': (1, 1, 96, 128)}
    """
    converter = find_converter(target)
    precision = precision or converter.precisions[0]
    if precision not in converter.precisions:
        raise InputError(
            f"target '{target}' has no precision '{precision}'; choose one of: "
            + ", ".join(converter.precisions)
        )
    if size is not None and (isinstance(size, int) or len(size) != 2):
        raise InputError(f"size is a height and a width, such as (48, 64), not {size!r}")
    if size is not None and example is not None:
        raise InputError("size and example both give the input's size; give one of them")
    loaded = replace(as_loaded(model, example), keeps_branches=keep_branches)
    if size is None and example is None and loaded.spec is not None:
        size = DEFAULT_SIZE
    given = (loaded if size is None else loaded.resized(*size)).single_example
    prepared = prepare(
        loaded,
        given,
        precision,
        None if calibration is None else Path(calibration),
        scheme=scheme if scheme is None or isinstance(scheme, Scheme) else read_scheme(scheme),
    )
    path = Path(path)
    report = converter.convert(prepared.model, given, path, precision)
    return ConvertedModel(path, report, prepared.certificate, prepared.source)
