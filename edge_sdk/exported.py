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

    from edge_sdk.size_range import SizeRange


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


def export(model: nn.Module, example: Example, sizes: SizeRange | None = None) -> ExportedProgram:
    """Export a deep copy of ``model`` in eval mode; the model itself stays as it is.

    Args:
        model: float32 model of one input or several.
        example: one float32 tensor for each, pictures N×C×H×W; the shapes become static.
        sizes: heights and widths that stay free, of a model of one input N×C×H×W; ``None`` for
            none.

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
        free = None if sizes is None else _free_sides(private, inputs, sizes)
        try:
            program = torch.export.export(private, inputs, dynamic_shapes=free)
            functional: ExportedProgram = program.run_decompositions({})
        except Exception as error:
            raise ConversionError(
                f"{type(model).__name__} cannot be traced by torch.export ({first_line(error)}); "
                "remove control flow that depends on tensor values"
            ) from error
    if sizes is not None:
        check_free(functional, model, sizes)
    return functional


def _free_sides(
    model: nn.Module, inputs: Inputs, sizes: SizeRange
) -> tuple[dict[int, object], ...]:
    """Height and width of the only input as torch.export takes them.

    Raises:
        InputError: if the model does not take all the sizes.
    """
    if len(inputs) != 1 or inputs[0].dim() != 4:
        raise InputError(
            f"sizes {sizes}: {type(model).__name__} takes {shapes_of(inputs)}; a range of sizes is "
            "for a model of one picture N×C×H×W"
        )
    for height, width in sizes.corners:
        try:
            model(inputs[0].new_zeros((*inputs[0].shape[:2], height, width)))
        except Exception as error:
            raise InputError(
                f"sizes {sizes}: {type(model).__name__} does not take {height}×{width} "
                f"({first_line(error)}); give a range that it takes"
            ) from error
    return (
        {
            axis: torch.export.Dim.AUTO(min=low, max=high)
            for axis, low, high in zip((2, 3), sizes.least, sizes.most, strict=True)
            if low < high
        },
    )


def _is_settled(side: int | torch.SymInt) -> bool:
    return isinstance(side, int) or side.node.maybe_as_int() is not None


def example_shape(value: Tensor) -> tuple[int, ...]:
    """A shape in a graph as the example had it; that of free sides is read, and left free."""
    return tuple(side if isinstance(side, int) else int(side.node.hint) for side in value.shape)


def check_free(
    program: ExportedProgram, model: nn.Module, sizes: SizeRange, target: str = ""
) -> None:
    """Refuse a graph that has settled on one size.

    Args:
        program: the graph.
        model: that it is of.
        sizes: that it was to take.
        target: whose rewrites have made it; empty for the graph of the model itself.

    Raises:
        ConversionError: if it has.
    """
    (name,) = program.graph_signature.user_inputs
    (shape,) = (node.meta["val"].shape for node in program.graph.nodes if node.name == name)
    sides = zip(shape[2:], sizes.least, sizes.most, strict=True)
    if any(_is_settled(side) for side, low, high in sides if low < high):
        what = f"what target '{target}' makes of it" if target else "torch.export's graph of it"
        raise ConversionError(
            f"size {sizes}: {type(model).__name__}: {what} holds for one size alone; convert it "
            "for each size, such as 64x64,128x96, or take another target that has ranges"
        )


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
