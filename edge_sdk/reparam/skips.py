"""Folding a skip from the input to the end of a network into its convolutions.

A network that adds its input x to what a chain of convolutions and activations makes of it,

    y = conv_n(… act(conv_1(x)) …) ± x,

is a plain chain in which every layer carries x along: ReLU(x) = x for x ≥ 0, a convolution passes
x through a kernel δ, and the last one adds it. Widened so, the network needs no buffer for x and
no sum, at the price of a few channels more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.algebra import add, compose, concatenate, scale_shift
from edge_sdk.reparam.certificate import Refusal
from edge_sdk.reparam.compact import conv_layer
from edge_sdk.reparam.enlargement import enlarges, nearest_factor, shuffle_factor
from edge_sdk.reparam.graph_fusion import copy_of, dtype_of
from edge_sdk.reparam.linear_functions import LIKE, repeated
from edge_sdk.reparam.linear_nodes import arithmetic_of
from edge_sdk.reparam.operator import LinearOperator, identity
from edge_sdk.reparam.regions import Regions, find_regions
from edge_sdk.reparam.tracing import remove_unused, shape_of, trace

INPUT_RANGE = (0.0, 1.0)
"""Inputs for which a folded network equals the original."""

_LAYERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU)
_FUNCTIONS = frozenset(
    {functional.relu, functional.relu6, functional.leaky_relu, torch.relu, "relu"}
)


@dataclass(frozen=True)
class _Skip:
    """What is added: an operator on the input, enlarged by nearest neighbour."""

    source: fx.Node
    operator: LinearOperator
    factor: int


@dataclass(frozen=True)
class _Chain:
    """Convolutions (last first) with the activations between them, and the sum at the end."""

    sum: fx.Node
    shuffle: fx.Node | None
    source: fx.Node
    convs: tuple[tuple[fx.Node, LinearOperator], ...]
    activations: tuple[fx.Node, ...]
    skip: LinearOperator


def fold_skips(
    module: nn.Module, example: Tensor | tuple[Tensor, ...]
) -> tuple[nn.Module, Refusal | None]:
    """Fold a skip from the input to the end into the convolutions of a chain.

    The skip may be the input itself, its channels repeated, any convolution of it, or its nearest
    neighbour enlargement beside a PixelShuffle; what follows the sum (clamping …) stays. Each
    convolution gets as many more channels as the
    input has. Exact for inputs in [0, 1], borders included.

    Args:
        module: network in evaluation mode, fused before; left untouched.
        example: float tensor N×C×H×W in [0, 1], or all inputs.

    Returns:
        The folded network and ``None``, or the network as it was and why it cannot be folded.

    Raises:
        FusionError: if the network cannot be traced.
    """
    inputs = (example,) if isinstance(example, Tensor) else example
    if bool((inputs[0] < INPUT_RANGE[0]).any() or (inputs[0] > INPUT_RANGE[1]).any()):
        return module, Refusal("(input)", "values outside [0, 1] do not pass an activation as is")
    traced = trace(copy_of(module), inputs)
    graph_module = traced.module
    regions = find_regions(traced, copy_of(graph_module).double())
    reason = Refusal("(whole model)", "nothing is added to what convolutions make of the input")
    for node in graph_module.graph.nodes:
        if arithmetic_of(node) not in ("add", "sub"):
            continue
        try:
            chain = _find_chain(node, graph_module, regions)
            _rewrite(graph_module, chain, dtype_of(module))
        except FusionError as error:
            reason = Refusal(node.name, f"the skip stays: {error}")
            continue
        remove_unused(graph_module)
        lean = fx.GraphModule(graph_module, graph_module.graph, type(module).__name__)
        return lean.train(module.training), None
    return module, reason


def _find_chain(node: fx.Node, module: fx.GraphModule, regions: Regions) -> _Chain:
    operands = [part for part in node.args if isinstance(part, fx.Node)]
    if len(operands) != 2 or operands[0] is operands[1]:
        raise FusionError("it does not add two results")
    skips = [_skip_operator(part, module, regions) for part in operands]
    place = next((index for index in (1, 0) if skips[index] is not None), None)
    if place is None:
        if any(enlarges(part, module) for part in operands):
            raise FusionError(
                "only nearest-neighbour enlargement of the input by a whole factor is a kernel; "
                "others clamp at the border"
            )
        raise FusionError("neither operand is the input, so that its range is unknown")
    skip = skips[place]
    assert skip is not None
    tail_node, shuffle = operands[1 - place], None
    factor = shuffle_factor(tail_node, module)
    if skip.factor != 1 and skip.factor != factor:
        raise FusionError("input and convolutions are enlarged by different steps")
    if skip.factor != 1:
        _check_alone(tail_node, node)
        shuffle, tail_node = tail_node, tail_node.all_input_nodes[0]
    user = node if shuffle is None else shuffle
    convs, activations = _walk_back(tail_node, user, skip.source, module, regions)
    signs = [1.0, -1.0 if arithmetic_of(node) == "sub" else 1.0]
    last, tail = convs[0]
    added = _repeated(skip.operator, skip.factor**2, tail.out_channels)
    convs[0] = (last, _times(tail, signs[1 - place]))
    added = _times(added, signs[place])
    return _Chain(node, shuffle, skip.source, tuple(convs), tuple(activations), added)


def _repeated(skip: LinearOperator, times: int, channels: int) -> LinearOperator:
    """The skip with every channel repeated for its sub-pixels, or one channel for all."""
    count = skip.out_channels
    if times > 1:
        index = [channel for channel in range(count) for _ in range(times)]
        return compose(skip, repeated(count, index))
    if count == channels:
        return skip
    if count != 1:
        raise FusionError(f"{count} channels do not add to {channels}")
    return compose(skip, repeated(1, [0] * channels))


def _skip_operator(node: fx.Node, module: fx.GraphModule, regions: Regions) -> _Skip | None:
    factor = nearest_factor(node, module) or 1
    if factor != 1:
        node = node.all_input_nodes[0]
    shape = shape_of(node)
    if node.op == "placeholder" and shape is not None and len(shape) == 4:
        return _Skip(node, identity(shape[1], LIKE), factor)
    form = regions.forms.get(node)
    if form is None or form.root.op != "placeholder":
        return None
    return _Skip(form.root, form.operator, factor)


def _walk_back(
    node: fx.Node, user: fx.Node, source: fx.Node, module: fx.GraphModule, regions: Regions
) -> tuple[list[tuple[fx.Node, LinearOperator]], list[fx.Node]]:
    convs: list[tuple[fx.Node, LinearOperator]] = []
    activations: list[fx.Node] = []
    while True:
        form = regions.forms.get(node)
        if form is None:
            raise FusionError(f"{node.name} is no convolution of what goes before; merge it first")
        _check_alone(node, user)
        convs.append((node, form.operator))
        if form.root is source:
            return convs, activations
        node = form.root
        inside = [reader for reader in node.users if reader not in form.members]
        if inside:
            raise FusionError(f"{node.name} is read by {inside[0].name} too, a skip within")
        _check_activation(node, module)
        activations.append(node)
        before = node.all_input_nodes[0]
        node, user = before, node


def _check_alone(node: fx.Node, user: fx.Node) -> None:
    others = [reader.name for reader in node.users if reader is not user]
    if others:
        raise FusionError(f"{node.name} is read by {others[0]} too, a skip within")


def _check_activation(node: fx.Node, module: fx.GraphModule) -> None:
    if arithmetic_of(node):
        raise FusionError(f"{node.name} joins features on the way, a skip within")
    layer = module.get_submodule(str(node.target)) if node.op == "call_module" else None
    positive = isinstance(layer, _LAYERS) or (layer is None and node.target in _FUNCTIONS)
    if not positive:
        kind = node.name if layer is None else f"{node.name} ({type(layer).__name__})"
        raise FusionError(f"{kind} does not pass values of [0, 1] through; use ReLU or its kin")


def _rewrite(module: fx.GraphModule, chain: _Chain, dtype: torch.dtype) -> None:
    """Widen the chain and end it with the sum; a chain that cannot be widened stays as it was."""
    count = chain.skip.in_channels
    last = len(chain.convs) - 1
    layers: dict[fx.Node, nn.Module] = {}
    for index, (node, operator) in enumerate(chain.convs):
        before = 0 if index == last else count
        widened = _feed(operator, 0, before)
        passed = _feed(identity(count, LIKE), operator.in_channels if before else 0, 0)
        if index == 0:
            skip = _feed(chain.skip, operator.in_channels if before else 0, 0)
            merged = add(widened, skip)
        else:
            merged = concatenate(widened, passed)
        layers[node] = conv_layer(merged, dtype)
    for index, node in enumerate(chain.activations):
        width = chain.convs[index][1].in_channels
        layer = _widened_activation(node, module, width, count)
        if layer is not None:
            layers[node] = layer
    current = chain.source
    for index in range(last, -1, -1):
        current = _call(module, layers[chain.convs[index][0]], current, chain.sum)
        if index > 0:
            activation = chain.activations[index - 1]
            if activation in layers:
                current = _call(module, layers[activation], current, chain.sum)
            else:
                current = _copy(module, activation, current, chain.sum)
    if chain.shuffle is not None:
        current = _copy(module, chain.shuffle, current, chain.sum)
    chain.sum.replace_all_uses_with(current)


def _call(module: fx.GraphModule, layer: nn.Module, source: fx.Node, before: fx.Node) -> fx.Node:
    index = 0
    while hasattr(module, f"folded_{index}"):
        index += 1
    module.add_submodule(f"folded_{index}", layer)
    with module.graph.inserting_before(before):
        return module.graph.call_module(f"folded_{index}", (source,))


def _copy(module: fx.GraphModule, activation: fx.Node, source: fx.Node, before: fx.Node) -> fx.Node:
    old = activation.all_input_nodes[0]
    with module.graph.inserting_before(before):
        return module.graph.node_copy(activation, lambda n: source if n is old else n)


def _widened_activation(
    node: fx.Node, module: fx.GraphModule, width: int, count: int
) -> nn.Module | None:
    """PReLU with slopes 1 for the channels that carry the input; ``None`` for others."""
    layer = module.get_submodule(str(node.target)) if node.op == "call_module" else None
    if not isinstance(layer, nn.PReLU):
        return None
    slopes = layer.weight.detach().expand(width)
    wide = nn.PReLU(width + count)
    wide.weight.data = torch.cat([slopes, slopes.new_ones(count)])
    return wide


def _feed(operator: LinearOperator, before: int, after: int) -> LinearOperator:
    """Operator that ignores ``before`` channels in front of its input and ``after`` behind it."""
    if before == after == 0:
        return operator
    kernel = functional.pad(operator.kernel, (0, 0, 0, 0, before, after))
    value = operator.pad_value
    if value is not None:
        value = torch.cat([value[:1].expand(before), value, value[:1].expand(after)])
    return replace(operator, kernel=kernel, pad_value=value)


def _times(operator: LinearOperator, sign: float) -> LinearOperator:
    scale: Any = torch.full((operator.out_channels,), sign, dtype=torch.float64)
    return scale_shift(operator, scale, torch.zeros_like(scale))
