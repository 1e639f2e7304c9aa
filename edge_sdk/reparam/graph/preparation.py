"""What fusing requires of a model and its example, and how it leaves everything else as it was."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.graph.fusion import copy_of
from edge_sdk.reparam.proof.comparison import Inputs


@contextmanager
def preserved_state() -> Iterator[None]:
    """Work outside inference mode; restore torch's random numbers and the filters of warnings."""
    # In inference mode tensors do not count what is written to them, which tracing relies on.
    # What torch imports when it first traces adds filters of its own.
    with (
        torch.inference_mode(False),
        torch.random.fork_rng(devices=[]),
        warnings.catch_warnings(),
    ):
        yield


def checked_inputs(example: object) -> Inputs:
    """Example inputs, one tensor for each argument, copied.

    Raises:
        InputError: if they are anything else, or the first is not N×C×H×W.
    """
    inputs = (example,) if isinstance(example, Tensor) else example
    tensors = isinstance(inputs, list | tuple) and all(isinstance(part, Tensor) for part in inputs)
    if not inputs or not tensors:
        raise InputError("the example must be a tensor, or a tensor for each argument")
    assert isinstance(inputs, list | tuple)
    if inputs[0].ndim != 4 or any(value.numel() == 0 for value in inputs):
        raise InputError(
            f"the example must be N×C×H×W, none of them 0, not {list(inputs[0].shape)}"
        )
    for value in inputs:
        _check_device("the example", value)
    return tuple(value.detach().clone() for value in inputs)


def checked_copy(model: nn.Module) -> nn.Module:
    """Copy of a model in evaluation mode.

    Raises:
        InputError: if it is no module, not float32, or not on the CPU.
        FusionError: if it cannot be copied.
    """
    if not isinstance(model, nn.Module):
        raise InputError(f"the model must be an nn.Module, not {type(model).__name__}")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        _check_device(f"the model ({name})", tensor)
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputError(f"{name} is {kind}; call float() on the model before fusing")
    copy: nn.Module = copy_of(model)
    # A model may override train() without returning itself.
    copy.eval()
    return copy


def with_branches(model: nn.Module) -> nn.Module:
    """Copy of a model whose blocks run their branches.

    A collapsed block computes the merged kernel itself, rounded to int8 perhaps: comparing with it
    would prove nothing.
    """
    copy: nn.Module = copy_of(model)
    for block in multi_branch_blocks(copy):
        block.collapsed = False
    return copy


def _check_device(what: str, tensor: Tensor) -> None:
    if tensor.device.type != "cpu":
        raise InputError(f"{what} is on {tensor.device}; fusing works on the CPU, call cpu() on it")
