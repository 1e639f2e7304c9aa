"""The converter: torch.export → channels-last tf.Module → ``.tflite``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edge_sdk.artifacts.seal import seal
from edge_sdk.errors import ConversionError, first_line
from edge_sdk.exported import as_inputs, end_names, export, layout_of
from edge_sdk.extras import require
from edge_sdk.outputs import replacing
from edge_sdk.quantization.insertion import float_layers
from edge_sdk.quiet import environment, suppressed_messages
from edge_sdk.targets import LoweringReport, TensorSpec
from edge_sdk_converters.checks.output_shapes import check_shapes, output_shapes
from edge_sdk_converters.checks.request import CODED, check_codes, check_request
from edge_sdk_converters.checks.resize_factors import check_factors
from edge_sdk_converters.checks.unsupported import UnsupportedOperatorError
from edge_sdk_converters.rewrites import FIRST

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

    from edge_sdk.exported import Example
    from edge_sdk_converters.tflite.flatbuffer import StoredTensor
    from edge_sdk_converters.tflite.lowering import Lowering


REWRITES = (
    "attention",
    *FIRST,
    "resizes",
    "folds",
    "unfolds",
    "product factors",
    "rms norms",
    "pixel shuffles",
    "channel shuffles",
    "pads",
)
"""Exact rewrites of the exported graph before it is lowered."""


class TFLiteConverter:
    """Writes ``.tflite`` files whose feature maps are NHWC throughout.

    A network of convolutions gets no TRANSPOSE; one that permutes its axes, such as attention, gets
    one wherever nobody can absorb the permutation, which the report says.

    ``fp16`` stores weights as float16; LiteRT's CPU kernels compute in float32 from them, GPU
    delegates in float16. The file ends in a seal that runtimes do not read (see
    :mod:`edge_sdk.artifacts.seal`). Tensors are addressed by the signature names ``input`` and
    ``output``.

    Args:
        prelu_written_out: write PReLU as relu(x) − a·relu(−x). The CPU kernel of PRELU is one fast
            operator, so that this is off by default; phones' GPU delegates are slower in PRELU or
            refuse it, and so is the CPU in int8.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import TFLiteConverter
        >>> model, picture = nn.Conv2d(3, 8, 3).eval(), torch.rand(1, 3, 16, 16)
        >>> report = TFLiteConverter().convert(model, picture, "conv.tflite", "fp32")
        >>> report.inputs[0].layout, report.transposes
        ('NHWC', 0)
    """

    name = "tflite"
    format = "tflite"
    backend = "litert"
    runs_here = True
    suffix = ".tflite"
    precisions: tuple[str, ...] = ("fp32", "fp16", "int8", "int8-float-io")
    extra = "tflite"

    def __init__(self, *, prelu_written_out: bool = False) -> None:
        self.rewrites = (*REWRITES, "prelu") if prelu_written_out else REWRITES

    def convert(
        self, model: nn.Module, example: Example, path: Path, precision: str = "fp32"
    ) -> LoweringReport:
        """Lower ``model`` for inputs shaped like ``example`` and write it to ``path``.

        Args:
            model: the model to convert; a copy is evaluated, the model itself stays as it is.
            example: float32, a picture N×C×H×W with values in [0, 1], or one tensor for each input
                of the model; the shapes become the artifact's.
            path: ``.tflite`` file; it appears whole or not at all.
            precision: one of :attr:`precisions`.

        Returns:
            The report; its tensor specs are NHWC, its rewrites say what became of pixel shuffles,
            and its ``fallback`` why litert-torch had to convert the model, if so.

        Raises:
            MissingExtraError: if TensorFlow or LiteRT is not installed.
            InputError: if the precision, the suffix or the example does not fit.
            ConversionError: if an operator has no lowering and litert-torch, the declared fallback,
                is not installed or fails too; the message names the operator, its module and the
                targets that take it; or if an int8 file would compute in float what the model has
                in codes.
            OutputError: if ``path`` cannot be written.
        """
        path = Path(path)
        check_request(self.name, self.suffix, self.precisions, path, precision)
        check_codes(model, precision)
        with _tensorflow() as tf:
            from edge_sdk_converters.tflite.fallback import convert_by_litert_torch
            from edge_sdk_converters.tflite.flatbuffer import contents

            program = export(model, example)
            check_factors(program)
            try:
                payload, rewrites = _lowered(
                    tf, program, example, precision, self.rewrites, float_layers(model)
                )
                fallback = None
            except UnsupportedOperatorError as cause:
                payload, fallback = convert_by_litert_torch(model, example, precision, cause)
                rewrites = (fallback,)
            held = contents(payload)
        custom_operators = held.custom_operators
        if "TRANSPOSE" in held.operators and not any("TRANSPOSE" in note for note in rewrites):
            custom_operators.append("TRANSPOSE")
        if fallback is None and custom_operators:
            raise ConversionError(
                f"{type(model).__name__}: TensorFlow's converter left "
                f"{', '.join(custom_operators)} in the graph; report this model, and try --target "
                "executorch meanwhile"
            )
        outputs = _specs("output", held.outputs)
        check_shapes(self.name, outputs, output_shapes(program))
        sealed = seal(payload)
        with replacing(path) as temporary:
            temporary.write_bytes(sealed)
        return LoweringReport(
            target=self.name,
            precision=precision,
            inputs=_specs("input", held.inputs),
            outputs=outputs,
            operators=held.operators,
            rewrites=rewrites,
            size_bytes=len(sealed),
            transposes=held.operators.get("TRANSPOSE", 0),
            float_operators=held.float_operators,
            fallback=fallback,
        )


@contextmanager
def _tensorflow() -> Iterator[ModuleType]:
    """TensorFlow for the length of one conversion, its messages suppressed.

    Raises:
        MissingExtraError: if TensorFlow or LiteRT is not installed.
    """
    # TensorFlow's C++ side reads both once, while it is loaded.
    with environment(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0"), suppressed_messages():
        yield require("tflite", "tensorflow")


def _lowered(
    tf: ModuleType,
    program: ExportedProgram,
    example: Example,
    precision: str,
    chosen: tuple[str, ...],
    float_layers: tuple[str, ...],
) -> tuple[bytes, tuple[str, ...]]:
    """Lower a program by the own lowering; return the file and the sentences for the report."""
    from edge_sdk_converters.rewrites import apply
    from edge_sdk_converters.tflite.integer_check import check_integer
    from edge_sdk_converters.tflite.lowering import Lowering, takes

    program, sentences = apply(chosen, program, takes)
    lowering = Lowering(program)
    shapes = [_channels_last(tuple(each.shape)) for each in as_inputs(example)]
    payload = _to_flatbuffer(tf, _build(tf, lowering, shapes), precision)
    notes = tuple(lowering.notes)
    if precision in CODED:
        check_integer(
            payload,
            lowering.graph,
            float_layers,
            lambda: _to_flatbuffer(tf, _build(tf, lowering, shapes, scoped=True), precision),
        )
    return payload, (*sentences, *notes)


def _build(
    tf: ModuleType, lowering: Lowering, shapes: Sequence[tuple[int, ...]], *, scoped: bool = False
) -> Any:
    """Trace the lowering into a tf.Module."""

    def serve(*inputs: Any) -> dict[str, Any]:
        outputs = lowering.build(*inputs, scoped=scoped)
        names = end_names("output", len(outputs))
        return {
            name: tf.identity(value.tensor, name=name)
            for name, value in zip(names, outputs, strict=True)
        }

    module = tf.Module()
    signature = [
        tf.TensorSpec(shape, tf.float32, name=name)
        for name, shape in zip(end_names("input", len(shapes)), shapes, strict=True)
    ]
    module.serve = tf.function(serve, input_signature=signature, autograph=False)
    module.concrete = module.serve.get_concrete_function()
    return module


def _channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) != 4 else (shape[0], *shape[2:], shape[1])


def _specs(kind: str, tensors: tuple[StoredTensor, ...]) -> tuple[TensorSpec, ...]:
    names = end_names(kind, len(tensors))
    return tuple(
        TensorSpec(
            name, tensor.shape, tensor.dtype, layout_of(len(tensor.shape), channels_last=True)
        )
        for name, tensor in zip(names, tensors, strict=True)
    )


def _to_flatbuffer(tf: ModuleType, module: Any, precision: str) -> bytes:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.concrete], module)
    if precision == "fp16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    if precision.startswith("int8"):
        # Scales come from the graph; this only asks for integer kernels.
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    try:
        payload: bytes = converter.convert()
    except Exception as error:
        raise ConversionError(
            f"TensorFlow's converter failed ({first_line(error)}); try --target executorch"
        ) from error
    return payload
