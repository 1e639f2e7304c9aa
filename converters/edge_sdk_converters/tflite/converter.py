"""The converter: torch.export → channels-last tf.Module → ``.tflite``."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edge_sdk.emulate.seal import seal
from edge_sdk.errors import ConversionError
from edge_sdk.exported import end_names, export, layout_of
from edge_sdk.extras import require
from edge_sdk.outputs import replacing
from edge_sdk.targets import LoweringReport, TensorSpec
from edge_sdk_converters.artifact_file import check_request

if TYPE_CHECKING:
    from torch import Tensor, nn

    from edge_sdk_converters.tflite.lowering import Lowering
    from edge_sdk_converters.tflite.registry import Value


class TFLiteConverter:
    """Writes ``.tflite`` files whose feature maps are NHWC throughout, without one TRANSPOSE.

    ``fp16`` stores weights as float16; LiteRT's CPU kernels compute in float32 from them, GPU
    delegates in float16. The file ends in a seal that runtimes do not read (see
    :mod:`edge_sdk.emulate.seal`). Tensors are addressed by the signature names ``input`` and
    ``output``.
    """

    name = "tflite"
    suffix = ".tflite"
    precisions: tuple[str, ...] = ("fp32", "fp16")
    extra = "tflite"

    def convert(
        self, model: nn.Module, example: Tensor, path: Path, precision: str = "fp32"
    ) -> LoweringReport:
        """Lower ``model`` for inputs shaped like ``example`` and write it to ``path``.

        Args:
            model: the model to convert; a copy is evaluated, the model itself stays as it is.
            example: float32, N×C×H×W, values in [0, 1]; its shape becomes the artifact's shape.
            path: ``.tflite`` file; it appears whole or not at all.
            precision: ``fp32`` or ``fp16``.

        Returns:
            The report; its tensor specs are NHWC, its rewrites say what became of pixel shuffles.

        Raises:
            MissingExtraError: if TensorFlow or LiteRT is not installed.
            InputError: if the precision, the suffix or the example does not fit.
            ConversionError: if an operator has no lowering; the message names it and its module.
            OutputError: if ``path`` cannot be written.
        """
        path = Path(path)
        check_request(self.name, self.suffix, self.precisions, path, precision)
        tf = load_tensorflow()
        from edge_sdk_converters.tflite.flatbuffer import operator_counts
        from edge_sdk_converters.tflite.lowering import Lowering

        lowering = Lowering(export(model, example))
        batch, channels, height, width = example.shape
        module, outputs = _build(tf, lowering, (batch, height, width, channels))
        payload = _to_flatbuffer(tf, module, precision)
        operators = operator_counts(payload)
        strays = [name for name in operators if name == "TRANSPOSE" or name.startswith("Flex")]
        if strays:
            raise ConversionError(
                f"{type(model).__name__}: TensorFlow's converter left {', '.join(strays)} in the "
                "graph; report this model, and try --target executorch meanwhile"
            )
        sealed = seal(payload)
        with replacing(path) as temporary:
            temporary.write_bytes(sealed)
        return LoweringReport(
            target=self.name,
            precision=precision,
            inputs=(TensorSpec("input", (batch, height, width, channels), "float32", "NHWC"),),
            outputs=tuple(
                TensorSpec(
                    name=name,
                    shape=tuple(int(size) for size in value.tensor.shape),
                    dtype="float32",
                    layout=layout_of(len(value.shape), channels_last=True),
                )
                for name, value in zip(end_names("output", len(outputs)), outputs, strict=True)
            ),
            operators=operators,
            rewrites=tuple(lowering.notes),
            size_bytes=len(sealed),
        )


def load_tensorflow() -> ModuleType:
    """Import TensorFlow with its start-up chatter held back.

    Raises:
        MissingExtraError: if TensorFlow or LiteRT is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    tf = require("tflite", "tensorflow")
    require("tflite", "absl.logging").set_verbosity("error")
    tf.get_logger().setLevel("ERROR")
    return tf


def _build(
    tf: ModuleType, lowering: Lowering, shape: tuple[int, ...]
) -> tuple[Any, tuple[Value, ...]]:
    """Trace the lowering into a tf.Module; return it with its outputs."""
    traced: list[tuple[Value, ...]] = []

    def serve(input: Any) -> dict[str, Any]:
        outputs = lowering.build(input)
        traced.append(outputs)
        names = end_names("output", len(outputs))
        return {
            name: tf.identity(value.tensor, name=name)
            for name, value in zip(names, outputs, strict=True)
        }

    module = tf.Module()
    signature = [tf.TensorSpec(shape, tf.float32, name="input")]
    module.serve = tf.function(serve, input_signature=signature, autograph=False)
    module.concrete = module.serve.get_concrete_function()
    return module, traced[-1]


def _to_flatbuffer(tf: ModuleType, module: Any, precision: str) -> bytes:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.concrete], module)
    if precision == "fp16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    try:
        payload: bytes = converter.convert()
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConversionError(
            f"TensorFlow's converter failed ({lines[0]}); try --target executorch"
        ) from error
    return payload
