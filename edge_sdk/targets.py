"""What a converter is, and how converters are found: entry points of group ``edge_sdk.converters``.

A package adds a target by declaring an entry point that names a class with the attributes and the
method of :class:`Converter`; nothing in ``edge_sdk`` needs to change. Three attributes
are optional: ``format`` and ``backend`` (see :class:`Target`) and ``runs_here``. One that compiles
for a chip has its name as ``soc``, and a method ``for_soc`` (see :func:`for_soc`); one that goes on
from another target's file has that target's name as ``builds_on``; one that cannot convert yet has
a method ``lacking`` (see :func:`check_converts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edge_sdk.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor, nn


GROUP = "edge_sdk.converters"
UNLISTED_GROUP = "edge_sdk.unlisted_converters"
"""Entry points that :func:`find_converter` answers and :func:`converter_names` does not list: other
names of a converter, and targets that cannot convert without a vendor's SDK."""


@dataclass(frozen=True)
class Target:
    """What a model can be turned into.

    Attributes:
        format: kind of file: ``executorch``, ``coreml`` or ``tflite``.
        backend: what executes it there, such as ``xnnpack``, ``vulkan`` or ``litert``.
        precision: such as ``fp32``, ``fp16`` or ``int8``.
    """

    format: str
    backend: str
    precision: str

    def __str__(self) -> str:
        return f"{self.format}-{self.backend} {self.precision}"


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of an artifact as the app sees it.

    Attributes:
        name: name by which the artifact's runtime addresses the tensor.
        shape: shape in ``layout``.
        dtype: numpy name of the element type, such as ``float32``.
        layout: ``NCHW`` or ``NHWC``; ``NC`` for a vector per picture.
        least: smallest shape where the file takes sizes by range, and ``shape`` the largest;
            ``None`` where the shape is static.

    Example:
        >>> from edge_sdk import TensorSpec
        >>> TensorSpec("input", (1, 48, 64, 1), "float32", "NHWC").layout
        'NHWC'
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    layout: str
    least: tuple[int, ...] | None = None


@dataclass(frozen=True)
class LoweringReport:
    """What became of a model on its way into one target.

    Attributes:
        target: registry name of the converter.
        precision: one of the converter's precisions, such as ``fp32`` or ``int8``.
        inputs: inputs of the artifact, in order.
        outputs: outputs of the artifact, in order.
        operators: operators in the artifact with their counts.
        partitions: parts handed to the delegate; ``None`` where the format has no delegates.
        undelegated: operators that the delegate left behind, one name per occurrence.
        rewrites: exact rewrites that were applied, one sentence each.
        size_bytes: size of the artifact on disk.
        undelegated_modules: for each of ``undelegated``, path and kind of the module of the
            original model that it comes from, such as ``body.0.conv (Conv2d)``.
        transposes: TRANSPOSE operators in the file; ``None`` where the format is not TFLite.
        float_operators: operators with a float result; ``None`` where the format is not TFLite.
        fallback: why another converter than the target's own made the artifact; ``None`` if its
            own did.
        remarks: what the reader must know about the artifact, such as that this machine cannot
            run it; one sentence each.

    Example:
        >>> from edge_sdk import LoweringReport, TensorSpec
        >>> ends = (TensorSpec("input", (1, 3, 16, 16), "float32", "NCHW"),)
        >>> report = LoweringReport("executorch", "fp32", ends, ends, {"conv": 2}, partitions=1)
        >>> report.operators["conv"], report.undelegated, report.fallback
        (2, (), None)
    """

    target: str
    precision: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: Mapping[str, int]
    partitions: int | None = None
    undelegated: tuple[str, ...] = ()
    rewrites: tuple[str, ...] = field(default=())
    size_bytes: int = 0
    undelegated_modules: tuple[str, ...] = ()
    transposes: int | None = None
    float_operators: int | None = None
    fallback: str | None = None
    remarks: tuple[str, ...] = ()


@runtime_checkable
class Converter(Protocol):
    """Turns a float PyTorch model with static shapes into one file (or package folder).

    Example:
        >>> from edge_sdk import Converter, find_converter
        >>> converter = find_converter("tflite")
        >>> isinstance(converter, Converter), converter.suffix, converter.precisions[0]
        (True, '.tflite', 'fp32')
    """

    name: str
    """Registry name, such as ``tflite``."""
    suffix: str
    """Suffix of the artifact, such as ``.tflite``."""
    precisions: tuple[str, ...]
    """Precisions that :meth:`convert` accepts, the default first."""
    extra: str
    """Extra of ``edge-sdk`` that installs what the converter imports."""

    def convert(
        self, model: nn.Module, example: Tensor | Sequence[Tensor], path: Path, precision: str
    ) -> LoweringReport:
        """Lower ``model`` for inputs shaped like ``example`` and write it to ``path``.

        Args:
            model: the model to convert; it is evaluated, never changed.
            example: float32, a picture N×C×H×W with values in [0, 1], or one tensor for each input
                of the model; the shapes become the artifact's.
            path: where the artifact goes; it appears whole or not at all.
            precision: one of :attr:`precisions`.

        Raises:
            MissingExtraError: if the target's own package is not installed.
            ConversionError: if an operator of the model has no counterpart in the target.
            OutputError: if ``path`` cannot be written.
        """
        ...


def converter_names() -> tuple[str, ...]:
    """Names of all installed converters that can convert, sorted; nothing is imported."""
    return tuple(sorted({entry.name for entry in metadata.entry_points(group=GROUP)}))


def targets_of(converter: Converter) -> tuple[Target, ...]:
    """Format, backend and each precision of ``converter``, the default precision first.

    A converter that does not say its ``format`` and ``backend`` is a format and backend of its own.
    """
    form = getattr(converter, "format", converter.name)
    backend = getattr(converter, "backend", converter.name)
    return tuple(Target(form, backend, precision) for precision in converter.precisions)


def runs_here(converter: Converter) -> bool:
    """Return whether a desktop runtime or interpreter executes what ``converter`` writes.

    True for a converter that does not say ``runs_here``.
    """
    return bool(getattr(converter, "runs_here", True))


def takes_size_ranges(converter: Converter) -> bool:
    """Return whether ``converter.convert`` takes ``sizes``, a range of heights and widths.

    False for a converter that does not say ``takes_size_ranges``.
    """
    return bool(getattr(converter, "takes_size_ranges", False))


def builds_on(converter: Converter) -> str:
    """Target whose file ``converter`` goes on from, and so takes no more than; empty for none."""
    return str(getattr(converter, "builds_on", ""))


def soc_of(converter: Converter) -> str:
    """Chip that the files of ``converter`` are for; empty for any."""
    return str(getattr(converter, "soc", ""))


def for_soc(converter: Converter, soc: str | None) -> Converter:
    """``converter`` for the chip ``soc``; as it is for ``None``.

    Raises:
        InputError: if its files are for any chip, or it does not know this one.

    Example:
        >>> from edge_sdk.targets import find_converter, for_soc, soc_of
        >>> soc_of(for_soc(find_converter("snapdragon"), "SM8750"))
        'SM8750'
    """
    if soc is None:
        return converter
    chosen = getattr(converter, "for_soc", None)
    if chosen is None:
        raise InputError(f"target '{converter.name}' makes files for any chip; leave --soc out")
    made: Converter = chosen(soc)
    return made


def check_converts(converter: Converter) -> None:
    """Refuse a target that waits for its vendor, before anything that is asked of it.

    Raises:
        MissingExtraError: saying what it lacks, and what to take instead.

    Example:
        >>> from edge_sdk.targets import check_converts, find_converter
        >>> check_converts(find_converter("tflite"))
    """
    lacking = getattr(converter, "lacking", None)
    if lacking is not None:
        raise MissingExtraError(lacking())


def find_converter(name: str) -> Converter:
    """Load the converter registered under ``name``.

    Args:
        name: such as ``tflite``; :func:`converter_names` lists them.

    Raises:
        InputError: if no installed package registers that name, or what it registers is broken.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import find_converter, fuse, open_artifact
        >>> model, picture = nn.Conv2d(3, 8, 3), torch.rand(1, 3, 16, 16)
        >>> converter = find_converter("executorch")
        >>> fused, certificate = fuse(model, picture)
        >>> report = converter.convert(fused, picture, "conv.pte", "fp32")
        >>> [tensor.shape for tensor in report.inputs]
        [(1, 3, 16, 16)]
    """
    matches = [
        *metadata.entry_points(group=GROUP, name=name),
        *metadata.entry_points(group=UNLISTED_GROUP, name=name),
    ]
    if not matches:
        known = ", ".join(converter_names()) or "none"
        raise InputError(f"unknown target '{name}'; choose one of: {known}")
    try:
        converter = matches[0].load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise InputError(
            f"target '{name}' comes from {matches[0].value}, which cannot be loaded ({error}); "
            "remove or update the package that registers it"
        ) from error
    if not isinstance(converter, Converter):
        raise InputError(
            f"target '{name}' comes from {matches[0].value}, which is not a converter; "
            "remove or update the package that registers it"
        )
    return converter
