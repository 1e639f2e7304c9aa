"""A graph with the layer that each node calls, functions with constant weights as layers too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.graph import linear_functions
from edge_sdk.reparam.graph.linear_functions import Constants, named_arguments
from edge_sdk.reparam.graph.linear_nodes import CONVOLUTIONS, find_constants
from edge_sdk.reparam.graph.tracing import shape_of
from edge_sdk.reparam.linear.compact import conv_layer

_NORMS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


@dataclass(frozen=True)
class LayerGraph:
    """A graph with its layers.

    Attributes:
        module: the graph module.
        layers: by node; those of functions are float64.
        written: nodes whose value is written in place.
        dtype: that of the model.
    """

    module: fx.GraphModule
    layers: dict[fx.Node, nn.Module]
    written: frozenset[fx.Node]
    dtype: torch.dtype

    def name(self, node: fx.Node) -> str:
        """What a node is called in refusals."""
        return str(node.target) if node.op == "call_module" else node.name

    def reads(self, node: fx.Node, value: fx.Node) -> bool:
        """Whether a node reads a value as its first argument alone, and nothing is written."""
        if not node.args or node.args[0] is not value or self.written & {node, value}:
            return False
        others: list[fx.Node] = []
        fx.map_arg((node.args[1:], node.kwargs), others.append)
        return value not in others

    def rank_before(self, node: fx.Node) -> int:
        """Dimensions of a node's first argument; 0 if it is no tensor."""
        source = node.args[0] if node.args else None
        shape = shape_of(source) if isinstance(source, fx.Node) else None
        return 0 if shape is None else len(shape)


def layer_graph(
    module: fx.GraphModule,
    weights: nn.Module,
    written: frozenset[fx.Node],
    dtype: torch.dtype,
) -> LayerGraph:
    """The layers of a graph.

    Args:
        module: the graph.
        weights: module that holds its parameters by the same names, float64.
        written: nodes whose value is written in place.
        dtype: that of the model.
    """
    constants = find_constants(module.graph, weights)
    layers = {}
    for node in module.graph.nodes:
        if node.op == "call_module":
            layers[node] = module.get_submodule(str(node.target))
        elif node.op == "call_function" and (layer := _of_function(node, constants)) is not None:
            layers[node] = layer
    return LayerGraph(module, layers, written, dtype)


def put_layer(module: fx.GraphModule, node: fx.Node, layer: nn.Module) -> str:
    """Have a node call a layer, under the name of the one that it called; returns the name.

    A layer that the graph calls elsewhere too, or whose parameters it reads, stays beside it.
    """
    old = str(node.target) if node.op == "call_module" else node.name
    name = old
    if node.op != "call_module" or _is_shared(module, old):
        taken, count = {part for part, _ in module.named_modules()}, 2
        name = base = f"{old}_fused"
        while name in taken or hasattr(module, name):
            name, count = f"{base}_{count}", count + 1
    module.add_submodule(name, layer)
    if node.op != "call_module":
        node.args, node.kwargs, node.op = node.args[:1], {}, "call_module"
    node.target = name
    return name


def _is_shared(module: fx.GraphModule, name: str) -> bool:
    calls = [
        node
        for node in module.graph.nodes
        if (node.op == "call_module" and str(node.target) == name)
        or (node.op == "get_attr" and str(node.target).startswith(f"{name}."))
    ]
    return len(calls) > 1


def _of_function(node: fx.Node, constants: Constants) -> nn.Module | None:
    """Layer that a function with constant weights is, float64."""
    try:
        if node.target in CONVOLUTIONS and (own := linear_functions.conv(node, constants)):
            return conv_layer(own, torch.float64)
    except FusionError:
        return None
    if node.target is functional.batch_norm:
        return _norm(node, constants)
    if node.target is functional.linear:
        return _linear(node, constants)
    return None


def _norm(node: fx.Node, constants: Constants) -> nn.Module | None:
    names = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    named = named_arguments(node, ("input", *names))
    values = {name: _known(named.get(name), constants) for name in names[:4]}
    source: Any = named.get("input")
    shape = shape_of(source) if isinstance(source, fx.Node) else None
    mean = values["running_mean"]
    if mean is None or values["running_var"] is None or shape is None or len(shape) not in _NORMS:
        return None
    if any(named.get(name) is not None and values[name] is None for name in names[:4]):
        return None
    norm: Any = _NORMS[len(shape)](len(mean), eps=named.get("eps", 1e-5)).double()
    norm.running_mean, norm.running_var = mean.double(), values["running_var"].double()
    for name in ("weight", "bias"):
        value = values[name]
        setattr(norm, name, None if value is None else nn.Parameter(value.double()))
    layer: nn.Module = norm.train(bool(named.get("training", False)))
    return layer


def _linear(node: fx.Node, constants: Constants) -> nn.Module | None:
    named = named_arguments(node, ("input", "weight", "bias"))
    weight, bias = (_known(named.get(name), constants) for name in ("weight", "bias"))
    if weight is None or (named.get("bias") is not None and bias is None) or weight.ndim != 2:
        return None
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=torch.float64)
    layer.weight = nn.Parameter(weight.double())
    if bias is not None:
        layer.bias = nn.Parameter(bias.double())
    return layer


def _known(value: Any, constants: Constants) -> Any:
    """Tensor that an argument is for every input; ``None`` if it is none."""
    return constants.get(value) if isinstance(value, fx.Node) else None
