"""Models whose weights are not float32, in float32."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge_sdk.reparam.graph.fusion import copy_of

_OTHERS = (torch.float64, torch.float16, torch.bfloat16)


def in_float32(model: nn.Module) -> tuple[nn.Module, str]:
    """A model with float32 weights, and a sentence where that is a change.

    Args:
        model: any module; it is left untouched.

    Returns:
        The model itself if there is nothing to change, else a copy; and what was changed, or "".

    Raises:
        FusionError: if it cannot be copied.
    """
    kinds = {
        tensor.dtype
        for tensor in (*model.parameters(), *model.buffers())
        if tensor.dtype in _OTHERS
    }
    if not kinds:
        return model, ""
    names = " and ".join(sorted(str(kind).removeprefix("torch.") for kind in kinds))
    rounded = torch.float64 in kinds
    change = "were rounded to float32" if rounded else "were widened to float32"
    converted: nn.Module = copy_of(model).float()
    return converted, f"its {names} weights {change}, in which all targets start"


def example_in_float32(example: Tensor) -> Tensor:
    """An example with floating-point numbers in float32."""
    return example.float() if example.is_floating_point() else example
