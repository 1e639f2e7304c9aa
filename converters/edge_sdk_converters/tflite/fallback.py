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
from edge_sdk.exported import end_names, quiet_copy
from edge_sdk.extras import install_command, is_installed, require
from edge_sdk.quiet import suppressed_messages
from edge_sdk_converters.checks.unsupported import UnsupportedOperatorError, advice

if TYPE_CHECKING:
    from torch import Tensor, nn

EXTRA = "litert-torch"
PRECISIONS = ("fp32",)


def convert_by_litert_torch(
    model: nn.Module, example: Tensor, precision: str, cause: UnsupportedOperatorError
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


def _converted(model: nn.Module, example: Tensor) -> bytes:
    import torch

    private = quiet_copy(model).cpu()
    private.eval()
    with torch.no_grad():
        outputs = torch.utils._pytree.tree_leaves(private(example))
    pictures = [index for index, output in enumerate(outputs) if output.dim() == 4]
    with _quiet():
        litert_torch = require(EXTRA)
        wrapped = litert_torch.to_channel_last_io(private, args=[0], outputs=pictures)
        channels_last = example.permute(0, 2, 3, 1).contiguous()
        payload: bytes = litert_torch.convert(wrapped, (channels_last,)).model_content()
    return _named(payload, len(outputs))


def _named(payload: bytes, outputs: int) -> bytes:
    """Give the signature's tensors the names that edge-sdk's files have."""
    flatbuffers = require("tflite", "flatbuffers")
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    model: Any = schema.ModelT.InitFromPackedBuf(payload, 0)
    signature = model.signatureDefs[0]
    signature.inputs[0].name = b"input"
    names = end_names("output", outputs)
    for tensor in signature.outputs:
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
