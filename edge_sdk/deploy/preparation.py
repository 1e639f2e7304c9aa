"""From a loaded model to what a converter takes: fused, and in int8 codes if asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from edge_sdk.data.probes.calibration import read_calibration
from edge_sdk.errors import FusionError, InputError
from edge_sdk.exported import Example
from edge_sdk.quantization import (
    Observer,
    Scheme,
    apply_scheme,
    quantize,
    quantize_weights,
    round_weights,
    scheme_from_json,
)
from edge_sdk.quantization.value_graph import ValueGraph
from edge_sdk.reparam import Certificate
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.fusing import left_unfused
from edge_sdk.zoo.catalogue import load_int8, model_names, resolve_checkpoint
from edge_sdk.zoo.loading import LoadedModel

INT8 = ("int8", "int8-float-io")
"""Precisions whose activations are int8 codes, so that they need a scheme."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model ready for a converter.

    Attributes:
        model: what the converter takes: the fused model, or its graph with int8 codes.
        fused: the fused float model, the one that the shipped weights give.
        precision: the precision requested.
        scheme: its quantization; ``None`` in floating point.
        certificate: proof that the fused model equals the original.
        source: for people: where the int8 ranges come from; empty in floating point.
        graph: the float model that the codes were put in, its weights fine-tuned if they were.
        notes: for people: what was done to the model beyond what was asked, one sentence each.
        float_form: the float model of the weights that the codes stand for, where it is another
            function than ``fused``: with ReLUs in place of leaky ones; ``None`` if it is the same.

    Example:
        >>> from edge_sdk.deploy import prepare
        >>> from edge_sdk.zoo import load_any
        >>> loaded = load_any("sr_x2_y")
        >>> prepared = prepare(loaded, loaded.single_example, "fp32")
        >>> prepared.model is prepared.fused, prepared.scheme
        (True, None)
    """

    model: nn.Module
    fused: nn.Module
    precision: str
    scheme: Scheme | None
    certificate: Certificate
    source: str = ""
    graph: ValueGraph | None = None
    notes: tuple[str, ...] = ()
    float_form: nn.Module | None = None


def prepare(
    loaded: LoadedModel,
    example: Example,
    precision: str,
    calibration: Path | None = None,
    observer: Observer = "mse",
    scheme: Scheme | None = None,
) -> Prepared:
    """Fuse a model, or read its stored merged form, and for ``w8`` and ``int8``, put its codes in.

    Int8 ranges come from ``scheme`` or ``calibration`` if given; else from the model file, or from
    the int8 form that ships beside a zoo model (whose weights were fine-tuned for it). With
    ``calibration``, weights are rounded by :func:`~edge_sdk.quantization.round_weights`.

    Args:
        loaded: the model.
        example: float32, of the shape that the artifact is to have, or one tensor for each input.
        precision: of the artifact.
        calibration: folder of pictures, or file of tensors.
        observer: how ranges are chosen from them.
        scheme: a quantization made before.

    Raises:
        InputError: if int8 is requested and there are no ranges.
        ModelError: if the stored form of a shipped model is damaged.
        FusionError: if fusing cannot be proved of a model with multi-branch blocks; any other is
            taken as it is, with a note.
        ConversionError: if the model cannot be traced.

    Example:
        >>> from edge_sdk.deploy import prepare
        >>> from edge_sdk.zoo import load_any
        >>> loaded = load_any("sr_x2_y")
        >>> prepared = prepare(loaded, loaded.single_example, "w8")
        >>> prepared.scheme.weights_only, prepared.certificate.error_float64 < 1e-11
        (True, True)
    """
    if calibration is not None and precision not in INT8:
        raise InputError(
            f"--calibration chooses int8 ranges, and {precision} has none; leave it out or take "
            "--precision int8"
        )
    if scheme is not None and (calibration is not None or precision not in INT8):
        raise InputError(
            "--scheme holds int8 ranges; give it with --precision int8 and without --calibration"
        )
    fused, certificate, note = fused_or_as_it_is(loaded)
    prepared = _in_precision(
        loaded, example, precision, calibration, observer, scheme, fused, certificate
    )
    return replace(prepared, notes=(*loaded.notes, *([note] if note else [])))


def fused_or_as_it_is(loaded: LoadedModel) -> tuple[nn.Module, Certificate, str]:
    """The fused model; one that our tracer or proof does not take as it is, with a note."""
    try:
        return *loaded.fused(), ""
    except FusionError as error:
        # A block that is not merged has weights that its branches do not.
        if loaded.shipped or multi_branch_blocks(loaded.network):
            raise
        copy, certificate = left_unfused(loaded.network, loaded.example, str(error))
        return copy, certificate, f"converted as it is, without fusing: {error}"


def _in_precision(
    loaded: LoadedModel,
    example: Example,
    precision: str,
    calibration: Path | None,
    observer: Observer,
    scheme: Scheme | None,
    fused: nn.Module,
    certificate: Certificate,
) -> Prepared:
    if precision == "w8":
        weights = quantize_weights(fused, example)
        return Prepared(weights.model, fused, precision, weights.scheme, certificate)
    if precision not in INT8:
        return Prepared(fused, fused, precision, None, certificate)
    if calibration is not None:
        crops = read_calibration(
            calibration,
            example,
            loaded.picture_spec,
            normalization=loaded.input_normalization,
            previews=loaded.recognition_spec is not None,
        )
        pictures = loaded.picture_spec is not None
        first = quantize(fused, example, crops.calibration, observer, picture_output=pictures)
        rounded = round_weights(fused, example, first.scheme, crops.calibration)
        made = apply_scheme(rounded, example, first.scheme)
        source = f"{observer} over {crops.source}"
        return Prepared(made.model, fused, precision, made.scheme, certificate, source, made.graph)
    source = "given by --scheme"
    network = fused
    if scheme is None and loaded.keeps_branches:
        raise InputError(
            f"{loaded.name}: int8 codes are stored for networks with merged branches alone; add "
            "--calibration DIR to choose codes for its branches"
        )
    if scheme is None:
        network, scheme, source = _stored_int8(loaded, fused)
    made = apply_scheme(network, example, scheme)
    # Of an architecture of ours, the configuration says what function it is.
    same = getattr(network, "config", None) == getattr(fused, "config", None)
    return Prepared(
        made.model,
        fused,
        precision,
        scheme,
        certificate,
        source,
        made.graph,
        float_form=None if same else network,
    )


def read_scheme(path: str | Path) -> Scheme:
    """Read a quantization that ``edge-sdk quantize`` wrote as JSON.

    Raises:
        InputError: if there is no such file, or it is something else.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk import Scheme
        >>> from edge_sdk.deploy import read_scheme
        >>> count = Path("w8.json").write_text(Scheme(weights_only=True).to_json())
        >>> read_scheme("w8.json").weights_only
        True
    """
    path = Path(path)
    try:
        return scheme_from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give the .json of quantize") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _stored_int8(loaded: LoadedModel, fused: nn.Module) -> tuple[nn.Module, Scheme, str]:
    if loaded.name in model_names():
        shipped = load_int8(loaded.name)
        if shipped is not None and shipped.scheme is not None:
            return shipped.model, shipped.scheme, f"shipped with {loaded.name}"
    elif loaded.name.endswith(".safetensors"):
        scheme = resolve_checkpoint(loaded.name).scheme
        if scheme is not None:
            return fused, scheme, f"stored in {loaded.name}"
    raise InputError(
        f"{loaded.name} has no int8 ranges; add --calibration DIR with pictures like those that it "
        "will see"
    )
