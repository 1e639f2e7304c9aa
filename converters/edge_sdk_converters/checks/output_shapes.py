"""Whether a file declares the shapes of outputs that the model has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_sdk.errors import ConversionError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from edge_sdk.targets import TensorSpec


def output_shapes(program: ExportedProgram) -> tuple[tuple[int, ...], ...]:
    """Shapes of the tensors that a program returns, in order."""
    return tuple(
        tuple(int(size) for size in node.meta["val"].shape)
        for node in program.graph.output_node().args[0]
        if node is not None
    )


def check_shapes(
    target: str, declared: Sequence[TensorSpec], expected: Sequence[tuple[int, ...]]
) -> None:
    """Refuse a file whose outputs have other shapes than the model's.

    Args:
        target: registry name of the converter.
        declared: outputs of the file.
        expected: shapes of the model's, NCHW.

    Raises:
        ConversionError: naming both shapes.
    """
    if len(declared) != len(expected):
        raise ConversionError(
            f"target '{target}' declares {len(declared)} outputs, the model has {len(expected)}; "
            "report this model and choose another target"
        )
    for spec, shape in zip(declared, expected, strict=True):
        n, *rest = spec.shape or (1,)
        found = (n, rest[-1], *rest[:-1]) if spec.layout == "NHWC" else tuple(spec.shape)
        if found != shape:
            raise ConversionError(
                f"target '{target}' declares {spec.name} as {_text(found)}, the model returns "
                f"{_text(shape)}; report this model and choose another target"
            )


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in shape) or "a number"
