"""BatchNorms behind layers that are no convolution of a picture, scaled into their weights.

A transposed convolution, a fully connected layer or a convolution of another rank is no kernel that
regions of a graph are made of. Each gives one number per output channel and place all the same, and
a BatchNorm right behind scales and shifts it: y = s·(W·x + b) + t = (s·W)·x + (s·b + t).
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, fx, nn

from edge_sdk.reparam.findings import Region
from edge_sdk.reparam.graph.tracing import shape_of
from edge_sdk.reparam.linear.batch_norms import layer_scale_and_shift

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_PLAIN = (nn.Linear, nn.Conv1d, nn.Conv3d)


def merge_norms(module: fx.GraphModule) -> Iterator[Region]:
    """Merge BatchNorms into the layers before them, in place.

    Args:
        module: the graph; its BatchNorms are in evaluation mode. The merged weights are computed in
            float64 and stored in the layer's dtype.

    Yields:
        What was merged.
    """
    calls: dict[str, int] = {}
    for node in module.graph.nodes:
        if node.op == "call_module":
            calls[str(node.target)] = calls.get(str(node.target), 0) + 1
    for node in list(module.graph.nodes):
        before = node.all_input_nodes[0] if node.op == "call_module" else None
        if before is None or before.op != "call_module" or len(before.users) != 1:
            continue
        norm = module.get_submodule(str(node.target))
        layer = module.get_submodule(str(before.target))
        if not _joins(layer, norm, shape_of(before)) or calls[str(before.target)] > 1:
            continue
        merged = _merged(deepcopy(layer).double(), deepcopy(norm).double())
        merged = merged.to(next(layer.parameters()).dtype)
        name = f"{before.target}_fused"
        module.add_submodule(name, merged.eval())
        with module.graph.inserting_before(node):
            new = module.graph.call_module(name, before.args, before.kwargs)
        new.meta = dict(node.meta)
        node.replace_all_uses_with(new)
        module.graph.erase_node(node)
        module.graph.erase_node(before)
        kernel = [int(size) for size in getattr(layer, "kernel_size", ())]
        height, width = ([1, 1, *kernel])[-2:]
        yield Region(name, 1, (height, width), (str(before.target), str(node.target)))


def _joins(layer: nn.Module, norm: nn.Module, shape: tuple[int, ...] | None) -> bool:
    """Whether a BatchNorm of one number a channel is right behind a layer that has them."""
    if not isinstance(norm, _NORMS) or norm.training or norm.running_mean is None:
        return False
    if type(layer) not in (*_TRANSPOSED, *_PLAIN) or any(
        part._forward_hooks or part._forward_pre_hooks for part in (layer, norm)
    ):
        return False
    # Of tokens N×L×C, a BatchNorm normalizes L.
    return not isinstance(layer, nn.Linear) or (shape is not None and len(shape) == 2)


def _merged(layer: Any, norm: Any) -> nn.Module:
    """The layer, a float64 copy, with the BatchNorm put into its weights."""
    scale, shift = (part.detach() for part in layer_scale_and_shift(norm, torch.float64))
    bias = 0 if layer.bias is None else layer.bias.detach()
    layer.weight = nn.Parameter(_scaled(layer, scale))
    layer.bias = nn.Parameter(scale * bias + shift)
    merged: nn.Module = layer
    return merged


def _scaled(layer: Any, scale: Tensor) -> Tensor:
    weight: Tensor = layer.weight.detach()
    if not isinstance(layer, _TRANSPOSED):
        return weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    # [in, out / groups, …]: each group of inputs leads to its own outputs.
    groups = int(layer.groups)
    parts = weight.reshape(groups, -1, *weight.shape[1:])
    factors = scale.reshape(groups, 1, weight.shape[1], *[1] * (weight.ndim - 2))
    return (parts * factors).reshape(weight.shape)
