"""Folding a skip from the input to the end of a network into its convolutions.

A network that adds its input x to what a chain of convolutions and activations makes of it,

    y = conv_n(… act(conv_1(x)) …) ± x,

is a plain chain in which every layer carries x along: ReLU(x) = x for x ≥ 0, a convolution passes
x through a kernel δ, and the last one adds it. Widened so, the network needs no buffer for x and
no sum, at the price of a few channels more.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.findings import Refusal
from edge_sdk.reparam.graph.arithmetic import arithmetic_of
from edge_sdk.reparam.graph.fusion import copy_of, dtype_of
from edge_sdk.reparam.graph.linear_functions import LIKE
from edge_sdk.reparam.graph.regions import find_regions
from edge_sdk.reparam.graph.tracing import remove_unused, trace
from edge_sdk.reparam.linear.algebra import add, concatenate
from edge_sdk.reparam.linear.compact import conv_layer
from edge_sdk.reparam.linear.operator import LinearOperator, identity
from edge_sdk.reparam.skips.chains import SkipChain, find_chain

INPUT_RANGE = (0.0, 1.0)
"""Inputs for which a folded network equals the original."""


def fold_skips(
    module: nn.Module, example: Tensor | tuple[Tensor, ...]
) -> tuple[nn.Module, Refusal | None]:
    """Fold a skip from the input to the end into the convolutions of a chain.

    The skip may be the input itself, its channels repeated, any convolution of it, or its nearest
    neighbor enlargement beside a PixelShuffle; what follows the sum (clamping …) stays. Each
    convolution gets as many more channels as the input has. Exact for inputs in [0, 1], borders
    included.

    Args:
        module: network in evaluation mode, fused before; left untouched.
        example: float tensor N×C×H×W in [0, 1], or all inputs.

    Returns:
        The folded network and ``None``, or the network as it was and why it cannot be folded.

    Raises:
        FusionError: if the network cannot be traced.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.reparam import fold_skips
        >>> class Residual(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.first = nn.Conv2d(3, 8, 3, padding=1)
        ...         self.last = nn.Conv2d(8, 3, 3, padding=1)
        ...     def forward(self, x):
        ...         return x + self.last(torch.relu(self.first(x)))
        >>> network, picture = Residual().eval(), torch.rand(1, 3, 16, 16)
        >>> folded, refusal = fold_skips(network, picture)
        >>> refusal is None, torch.allclose(folded(picture), network(picture), atol=1e-5)
        (True, True)
    """
    inputs = (example,) if isinstance(example, Tensor) else example
    with torch.inference_mode(False):
        return _fold(module, tuple(value.clone() for value in inputs))


def folded_names(before: nn.Module, after: nn.Module, inputs: tuple[Tensor, ...]) -> frozenset[str]:
    """Names by which refusals speak of steps that :func:`fold_skips` has removed.

    Args:
        before: the network before folding.
        after: what folding made of it.
        inputs: example inputs.
    """
    assert isinstance(after, fx.GraphModule)
    traced = trace(copy_of(before), inputs).module.graph.nodes
    # Tracing a graph again numbers its nodes again, in the same order.
    known = before.graph.nodes if isinstance(before, fx.GraphModule) else traced
    left = {node.name for node in after.graph.nodes}
    gone, stay = set[str](), set[str]()
    for old, new in zip(known, traced, strict=False):
        name = str(old.target) if old.op == "call_module" else old.name
        (stay if new.name in left or old.op != new.op else gone).add(name)
    return frozenset(gone - stay)


def _fold(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[nn.Module, Refusal | None]:
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
            chain = find_chain(node, graph_module, regions)
            _rewrite(graph_module, chain, dtype_of(module))
        except FusionError as error:
            reason = Refusal(node.name, f"the skip stays: {error}")
            continue
        remove_unused(graph_module)
        graph_module = fx.GraphModule(graph_module, graph_module.graph, type(module).__name__)
        return graph_module.train(module.training), None
    return module, reason


def _rewrite(module: fx.GraphModule, chain: SkipChain, dtype: torch.dtype) -> None:
    """Widen the chain and end it with the sum; a chain that cannot be widened stays as it was."""
    count = chain.skip.in_channels
    last = len(chain.convs) - 1
    layers: dict[fx.Node, nn.Module] = {}
    for index, (node, operator) in enumerate(chain.convs):
        before = 0 if index == last else count
        widened = _on_channels(operator, 0, before)
        passed = _on_channels(identity(count, LIKE), operator.in_channels if before else 0, 0)
        if index == 0:
            skip = _on_channels(chain.skip, operator.in_channels if before else 0, 0)
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


def _on_channels(operator: LinearOperator, before: int, after: int) -> LinearOperator:
    """Operator that ignores ``before`` channels in front of its input and ``after`` behind it."""
    if before == after == 0:
        return operator
    kernel = functional.pad(operator.kernel, (0, 0, 0, 0, before, after))
    value = operator.pad_value
    if value is not None:
        value = torch.cat([value[:1].expand(before), value, value[:1].expand(after)])
    return replace(operator, kernel=kernel, pad_value=value)
