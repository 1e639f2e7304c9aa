"""Chains of convolutions and activations to whose result a function of the input is added."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.graph.arithmetic import arithmetic_of, factor_of
from edge_sdk.reparam.graph.linear_functions import LIKE, repeated
from edge_sdk.reparam.graph.regions import Regions
from edge_sdk.reparam.graph.tracing import shape_of
from edge_sdk.reparam.linear.algebra import compose, scale_shift
from edge_sdk.reparam.linear.operator import LinearOperator, identity
from edge_sdk.reparam.skips.enlargement import enlarges, nearest_factor, shuffle_factor

_LAYERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU)
_FUNCTIONS = frozenset(
    {functional.relu, functional.relu6, functional.leaky_relu, torch.relu, "relu"}
)


@dataclass(frozen=True)
class _Skip:
    """What is added: an operator on the input, enlarged by nearest neighbor."""

    source: fx.Node
    operator: LinearOperator
    factor: int


@dataclass(frozen=True)
class SkipChain:
    """Convolutions and activations from the input to a sum with what skips them.

    Attributes:
        sum: the sum.
        shuffle: PixelShuffle between the last convolution and the sum, if there is one.
        source: the input.
        convs: convolutions, the last one first, sign included.
        activations: those before each convolution but the first.
        skip: what is added to the last convolution.
    """

    sum: fx.Node
    shuffle: fx.Node | None
    source: fx.Node
    convs: tuple[tuple[fx.Node, LinearOperator], ...]
    activations: tuple[fx.Node, ...]
    skip: LinearOperator


def find_chain(node: fx.Node, module: fx.GraphModule, regions: Regions) -> SkipChain:
    """Find the chain that ends in the sum ``node``.

    Raises:
        FusionError: if there is none that passes values of [0, 1] through, with the reason.
    """
    operands = [part for part in node.args if isinstance(part, fx.Node)]
    if len(operands) != 2 or operands[0] is operands[1]:
        raise FusionError("it does not add two results")
    skips = [_skip_operator(part, module, regions) for part in operands]
    place = next((index for index in (1, 0) if skips[index] is not None), None)
    if place is None:
        if any(enlarges(part, module) for part in operands):
            raise FusionError(
                "only nearest-neighbor enlargement of the input by a whole factor is a kernel; "
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
    factors = [1.0, factor_of(node)]
    last, tail = convs[0]
    added = _repeated(skip.operator, skip.factor**2, tail.out_channels)
    convs[0] = (last, _times(tail, factors[1 - place]))
    added = _times(added, factors[place])
    return SkipChain(node, shuffle, skip.source, tuple(convs), tuple(activations), added)


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
        raise FusionError(
            f"{kind} does not pass values of [0, 1] through as they are; use ReLU or the like"
        )


def _times(operator: LinearOperator, sign: float) -> LinearOperator:
    scale = torch.full((operator.out_channels,), sign, dtype=torch.float64)
    return scale_shift(operator, scale, torch.zeros_like(scale))
