"""A model as torch.export sees it: a private copy in eval mode, with names for its ends."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from edge_sdk.errors import ConversionError, EdgeSdkError, InputError, first_line

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node


Example = Tensor | Sequence[Tensor]
"""What a model is run on: its one input, or one tensor for each of its inputs."""

MOST_AXES = 6
"""Axes of an input, at most."""


Inputs = tuple[Tensor, ...]
"""A tensor for each input of a model."""


def as_inputs(example: Example) -> Inputs:
    """The inputs of a model, one or several, as a tuple."""
    return (example,) if isinstance(example, Tensor) else tuple(example)


def one_or_all(inputs: Inputs) -> Example:
    """The tensor of a model of one input; the tuple of one of several."""
    return inputs[0] if len(inputs) == 1 else inputs


def export(model: nn.Module, example: Example) -> ExportedProgram:
    """Export a deep copy of ``model`` in eval mode; the model itself stays as it is.

    Args:
        model: float32 model of one input or several.
        example: one float32 tensor for each, pictures N×C×H×W; the shapes become static.

    Returns:
        The functional program: no in-place operators, composite operators kept whole.

    Raises:
        InputError: if an example is no float32 tensor of 1 to 6 axes, or the model rejects it.
        ConversionError: if the model cannot be traced.
    """
    check_example(example)
    private = _in_order(quiet_copy(model).cpu())
    private.eval()
    inputs = tuple(_plain(each.detach().cpu()) for each in as_inputs(example))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            private(*inputs)
        except EdgeSdkError:
            raise
        except Exception as error:
            raise InputError(
                f"example: {type(model).__name__} fails on {shapes_of(inputs)} "
                f"({first_line(error)}); pass an example that the model accepts"
            ) from error
        try:
            program = torch.export.export(private, inputs)
            functional: ExportedProgram = program.run_decompositions({})
        except Exception as error:
            raise ConversionError(
                f"{type(model).__name__} cannot be traced by torch.export ({first_line(error)}); "
                "remove control flow that depends on tensor values"
            ) from error
    return functional


def check_example(example: Example) -> None:
    """Refuse what no target takes as input.

    Raises:
        InputError: if there is none, or one is no float32 tensor of 1 to 6 axes.
    """
    inputs = as_inputs(example)
    if not inputs:
        raise InputError("example: none given; pass a tensor for each input of the model")
    for each in inputs:
        if not isinstance(each, Tensor):
            raise InputError(
                f"example: expected a float32 tensor, got {type(each).__name__}; pass a tensor for "
                "each input of the model"
            )
        if not 1 <= each.dim() <= MOST_AXES or each.dtype != torch.float32:
            raise InputError(
                f"example: expected float32 of 1 to {MOST_AXES} axes, got {each.dtype} of shape "
                f"{tuple(each.shape)}; pass a float32 tensor, a picture as N×C×H×W"
            )


def shapes_of(example: Example) -> str:
    """For people: shapes such as ``1×3×8×8 and 1×1×8×8``."""
    shapes = ["×".join(map(str, each.shape)) for each in as_inputs(example)]
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"shapes {' and '.join(shapes)}"


def quiet_copy(model: nn.Module) -> nn.Module:
    """Deep copy of a module; torch's warnings about copying its own graphs are suppressed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return copy.deepcopy(model)


def _in_order(model: nn.Module) -> nn.Module:
    """Lay weights and buffers out plainly, in place: converters take channels last for a mark."""
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = _plain(tensor.data)
    return model


def _plain(tensor: Tensor) -> Tensor:
    # Not .contiguous(): of a single channel, it leaves strides as of channels last alone.
    return tensor.clone(memory_format=torch.contiguous_format)


def module_path(node: Node) -> str:
    """Path of the module that ``node`` comes from, such as ``body.0.conv``; the model if none."""
    stack = node.meta.get("nn_module_stack") or {}
    path, kind = list(stack.values())[-1] if stack else ("", "")
    name = kind if isinstance(kind, str) else kind.__name__
    return f"{path or 'the model'} ({name.rpartition('.')[2]})" if name else "the model"


def argument_of(node: Node, index: int, name: str, default: object) -> object:
    """Argument of a node, wherever it was given: in its place, or by its name."""
    return node.args[index] if len(node.args) > index else node.kwargs.get(name, default)


def operator_name(target: object) -> str:
    """Short name of an ATen or edge operator, such as ``conv2d`` for ``aten.conv2d.default``."""
    schema = getattr(target, "_schema", None)
    name = str(schema.name) if schema is not None else getattr(target, "__name__", str(target))
    return name.rpartition("::")[2]


def end_names(kind: str, count: int) -> tuple[str, ...]:
    """Names of the inputs or outputs of an artifact: ``kind``, numbered where there are several."""
    return (kind,) if count == 1 else tuple(f"{kind}_{index}" for index in range(count))


def layout_of(rank: int, *, channels_last: bool = False) -> str:
    """Name the axes of a tensor of ``rank``: ``NC`` for a vector per picture, and so on."""
    return "NHWC" if channels_last and rank == 4 else "NCHW"[:rank]


def less_product(total: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """``total`` − ``first`` · ``second``: in a graph as delegates take it, else in one pass."""
    if torch.compiler.is_compiling():
        return total - first * second
    return torch.addcmul(total, first, second, value=-1)


def sum_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """Sum of one tensor or more, without a zero to start from (which exporters would keep)."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
