"""Decisions in a forward pass on shapes, devices and dtypes, answered by the example's.

A graph has no branches, so a decision must be taken while tracing. An answer that cannot change
later (the channels of a convolution, questions about parameters, the device) is taken as it is. Any
other is guarded: the graph checks again on every run, and raises where the answer is another one. A
decision on the values of a tensor has no answer.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn

from edge_sdk.reparam.blocks.block import MultiBranchConv2d

Values = dict[fx.Node, Any]

_ATTRIBUTES = frozenset({"shape", "ndim", "dtype", "device", "is_cuda"})
_DEVICE_ATTRIBUTES = frozenset({"device", "is_cuda"})
_METHODS = frozenset({"size", "dim", "ndimension", "numel", "nelement", "is_floating_point"})
_DEVICE_METHODS = frozenset({"get_device"})
_CONVOLUTIONS = (nn.Conv2d, MultiBranchConv2d)
_SAME_CHANNELS = (
    *(nn.ReLU, nn.ReLU6, nn.PReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish),
    *(nn.Sigmoid, nn.Tanh, nn.Identity, nn.Dropout, nn.Dropout2d, nn.BatchNorm2d),
)
_ELEMENTWISE = frozenset(
    {operator.add, operator.iadd, operator.sub, operator.isub, operator.mul, operator.imul}
    | {torch.add, torch.sub, torch.mul, torch.relu, nn.functional.relu, nn.functional.leaky_relu}
)


def is_guard(node: fx.Node) -> bool:
    """Whether a node raises where a decision would come out otherwise."""
    return node.target is torch._assert


def answer(node: fx.Node, values: Values) -> Any:
    """What a node is for the example, if it follows from questions that are no tensor's values.

    Raises:
        fx.proxy.TraceError: if it depends on the values of a tensor.
    """
    if node not in values or not _is_answerable(node, values):
        raise fx.proxy.TraceError("it decides by the values of a tensor")
    return values[node]


def queried_inputs(node: fx.Node, values: Values, root: nn.Module) -> set[fx.Node] | None:
    """Inputs on whose channels alone an answer depends; ``None`` if it depends on more.

    Args:
        node: an answer.
        values: what the nodes are for the example.
        root: module that holds the layers of the graph.
    """
    tensor = _queried_channels(node, values)
    if tensor is not None:
        return _channel_inputs(tensor, values, root)
    if node.op == "get_attr" or _name(node) in _DEVICE_ATTRIBUTES | _DEVICE_METHODS:
        return set()
    found: set[fx.Node] = set()
    for source in node.all_input_nodes:
        if isinstance(values[source], Tensor):
            queried = set[fx.Node]() if _is_constant(source) else None
        else:
            queried = queried_inputs(source, values, root)
        if queried is None:
            return None
        found |= queried
    return found


def _is_answerable(node: fx.Node, values: Values) -> bool:
    if isinstance(values[node], Tensor):
        return False
    sources = node.all_input_nodes
    if node.target is len:
        # Of a tensor, and of the parts that one is cut into, as many as its shape says.
        return True
    if any(isinstance(values[source], Tensor) for source in sources):
        known = _ATTRIBUTES if node.target is getattr else _METHODS | _DEVICE_METHODS
        return len(sources) == 1 and _name(node) in known
    return bool(sources) and all(_is_answerable(source, values) for source in sources)


def _name(node: fx.Node) -> str | None:
    """Attribute or method that a node reads."""
    if node.target is getattr:
        return str(node.args[1])
    return str(node.target) if node.op == "call_method" else None


def _queried_channels(node: fx.Node, values: Values) -> fx.Node | None:
    """The tensor whose channels a node reads: ``x.shape[1]``, ``x.size()[1]``, ``x.size(1)``."""
    index = node.args[1] if len(node.args) == 2 else None
    queried: Any = node.args[0] if node.args else None
    if node.target is operator.getitem and isinstance(queried, fx.Node):
        if _name(queried) not in ("shape", "size") or len(queried.all_input_nodes) != 1:
            return None
        whole = len(queried.args) == 2 if queried.target is getattr else len(queried.args) == 1
        queried = queried.args[0] if whole else None
    elif _name(node) != "size":
        return None
    value = values.get(queried) if isinstance(queried, fx.Node) else None
    is_image = isinstance(value, Tensor) and value.ndim == 4
    return queried if is_image and index in (1, -3) else None


def _channel_inputs(node: fx.Node, values: Values, root: nn.Module) -> set[fx.Node] | None:
    """Inputs that decide how many channels a value has; ``None`` if more than channels do."""
    if _is_conv(node, root) or any(
        _is_conv(user, root) and user.all_input_nodes[0] is node for user in node.users
    ):
        # Its weights see to it; a convolution that has run raises on any other input.
        return set()
    if node.op == "placeholder":
        return {node}
    layer = root.get_submodule(str(node.target)) if node.op == "call_module" else None
    if not isinstance(layer, _SAME_CHANNELS) and node.target not in _ELEMENTWISE:
        return None
    channels = values[node].shape[1]
    for source in node.all_input_nodes:
        value = values[source]
        if not isinstance(value, Tensor) or value.ndim != 4 or value.shape[1] != channels:
            continue
        # Of what is broadcast, a source of more than one channel decides.
        if channels > 1 or len(node.all_input_nodes) == 1:
            found = _channel_inputs(source, values, root)
            if found is not None:
                return found
    return None


def _is_conv(node: fx.Node, root: nn.Module) -> bool:
    if node.op == "call_module":
        return isinstance(root.get_submodule(str(node.target)), _CONVOLUTIONS)
    return node.target in (torch.conv2d, nn.functional.conv2d)


def _is_constant(node: fx.Node) -> bool:
    sources = node.all_input_nodes
    return node.op == "get_attr" or (bool(sources) and all(map(_is_constant, sources)))
