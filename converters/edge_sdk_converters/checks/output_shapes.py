"""Shapes of a file's ends: whether it declares those that the model has, and ranges of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_sdk.errors import ConversionError
from edge_sdk.exported import Example, as_inputs, end_names, layout_of, quiet_copy
from edge_sdk.targets import TensorSpec

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

    from edge_sdk.size_range import SizeRange


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


def ranged_specs(
    model: nn.Module, example: Example, sizes: SizeRange
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs of a file that takes sizes by range, as PyTorch gives them.

    Args:
        model: of one input N×C×H×W.
        example: that input.
        sizes: that the file takes.
    """
    import torch

    private = quiet_copy(model).eval()
    (given,) = as_inputs(example)
    ends = []
    with torch.no_grad():
        for shape in sizes.shapes(tuple(given.shape)):
            results = torch.utils._pytree.tree_leaves(private(given.new_zeros(shape)))
            ends.append((shape, *(tuple(each.shape) for each in results)))
    least, most = ends
    names = (*end_names("input", 1), *end_names("output", len(most) - 1))
    specs = tuple(
        TensorSpec(name, largest, "float32", layout_of(len(largest)), smallest)
        for name, smallest, largest in zip(names, least, most, strict=True)
    )
    return specs[:1], specs[1:]


def _text(shape: tuple[int, ...]) -> str:
    return "×".join(str(size) for size in shape) or "a number"
