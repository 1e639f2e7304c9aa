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


def export(model: nn.Module, example: Tensor) -> ExportedProgram:
    """Export a deep copy of ``model`` in eval mode; the model itself stays as it is.

    Args:
        model: float32 model with one tensor as input.
        example: float32, N×C×H×W, values in [0, 1]; its shape becomes static.

    Returns:
        The functional program: no in-place operators, composite operators kept whole.

    Raises:
        InputError: if ``example`` is not a float32 tensor of rank 4, or the model rejects it.
        ConversionError: if the model cannot be traced.
    """
    if example.dim() != 4 or example.dtype != torch.float32:
        raise InputError(
            f"example: expected float32 N×C×H×W, got {example.dtype} of shape "
            f"{tuple(example.shape)}; pass a float32 picture batch"
        )
    private = _in_order(quiet_copy(model).cpu())
    private.eval()
    example = _plain(example.detach().cpu())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            private(example)
        except EdgeSdkError:
            raise
        except Exception as error:
            raise InputError(
                f"example: {type(model).__name__} fails on shape {tuple(example.shape)} "
                f"({first_line(error)}); pass an example that the model accepts"
            ) from error
        try:
            program = torch.export.export(private, (example,))
            functional: ExportedProgram = program.run_decompositions({})
        except Exception as error:
            raise ConversionError(
                f"{type(model).__name__} cannot be traced by torch.export ({first_line(error)}); "
                "remove control flow that depends on tensor values"
            ) from error
    return functional


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
