"""litert-torch, for models with an operator that the own lowering does not have.

It is declared, never silent: it needs an extra of its own, and the report names it together with
the operator and the module that made it necessary. Its files hold TRANSPOSEs.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edge_sdk.errors import ConversionError, first_line
from edge_sdk.exported import as_inputs, end_names, quiet_copy
from edge_sdk.extras import install_command, is_installed, require
from edge_sdk.quiet import suppressed_messages
from edge_sdk_converters.checks.unsupported import UnsupportedOperatorError, advice

if TYPE_CHECKING:
    from torch import nn

    from edge_sdk.exported import Example
EXTRA = "litert-torch"
PRECISIONS = ("fp32",)


def convert_by_litert_torch(
    model: nn.Module, example: Example, precision: str, cause: UnsupportedOperatorError
) -> tuple[bytes, str]:
    """Convert with litert-torch what the own lowering refused.

    Args:
        model: the model; a copy in eval mode is converted.
        example: float32, N×C×H×W.
        precision: the precision requested.
        cause: why the own lowering cannot do it.

    Returns:
        The TFLite file with channels-last ends named as in the own lowering's files, and the
        sentence for the report.

    Raises:
        ConversionError: if litert-torch is not installed, cannot convert the model either, or has
            not the precision; the message names module, operator and the targets that take it.
    """
    if not is_installed(EXTRA):
        raise ConversionError(
            f"{cause}; {advice(cause.node, besides='tflite')}, or install the fallback with: "
            f"{install_command(EXTRA)}"
        ) from cause
    if precision not in PRECISIONS:
        raise ConversionError(
            f"{cause}, and its fallback litert-torch writes fp32 only; convert in fp32, or "
            f"{advice(cause.node, besides='tflite')}"
        ) from cause
    try:
        payload = _converted(model, example)
    except Exception as error:
        raise ConversionError(
            f"{cause}, and its fallback litert-torch fails ({first_line(error)}); "
            f"{advice(cause.node, besides='tflite')}"
        ) from error
    return payload, f"fallback: converted by litert-torch, because {cause}"


def _converted(model: nn.Module, example: Example) -> bytes:
    import torch

    private, inputs = quiet_copy(model).cpu(), as_inputs(example)
    private.eval()
    with torch.no_grad():
        outputs = torch.utils._pytree.tree_leaves(private(*inputs))
    pictures = [index for index, output in enumerate(outputs) if output.dim() == 4]
    with _quiet():
        litert_torch = require(EXTRA)
        places = [index for index, each in enumerate(inputs) if each.dim() == 4]
        wrapped = litert_torch.to_channel_last_io(private, args=places, outputs=pictures)
        channels_last = tuple(
            each.permute(0, 2, 3, 1).contiguous() if each.dim() == 4 else each for each in inputs
        )
        payload: bytes = litert_torch.convert(wrapped, channels_last).model_content()
    return _named(payload, len(inputs), len(outputs))


def _named(payload: bytes, inputs: int, outputs: int) -> bytes:
    """Give the signature's tensors the names that edge-sdk's files have."""
    flatbuffers = require("tflite", "flatbuffers")
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    model: Any = schema.ModelT.InitFromPackedBuf(payload, 0)
    signature = model.signatureDefs[0]
    for names, tensors in (
        (end_names("input", inputs), signature.inputs),
        (end_names("output", outputs), signature.outputs),
    ):
        for tensor in tensors:
            number = int(tensor.name.decode().rpartition("_")[2])
            tensor.name = names[number].encode()
    builder = flatbuffers.Builder(len(payload) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress progress lines and warnings about the package's own insides."""
    with (
        suppressed_messages(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield
