"""Writing a scheme into a graph: explicit quantize and dequantize operators, int8 weights.

The result is the truth that all targets are held to. It runs in PyTorch like any module, computing
each operator in float32 on numbers that are exactly those the int8 codes stand for; converters read
codes and scales off its ``quantized_decomposed`` operators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from edge_sdk.exported import operator_name, quiet_copy
from edge_sdk.int8 import LEVELS, leaky_slope, slope_divisions, step_sizes
from edge_sdk.quantization.scheme import HIGHEST, LOWEST, Affine, Scheme
from edge_sdk.quantization.value_graph import (
    ValueGraph,
    is_weighted,
    leaky_slope_of,
    leaky_source,
    output_axis,
    parameter,
)

_FLOAT_LAYERS = "float_layers"


def operators() -> Any:
    """The namespace of ``quantize_per_tensor`` and the like, which torch registers on import."""
    import torch.ao.quantization.fx._decomposed

    return torch.ops.quantized_decomposed


def is_quantized(model: nn.Module) -> bool:
    """Whether a module is a graph with int8 codes in it, as :func:`insert` writes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.quantization import is_quantized, quantize
        >>> picture = torch.rand(1, 3, 8, 8)
        >>> made = quantize(nn.Conv2d(3, 3, 3).eval(), picture, [picture])
        >>> is_quantized(made.model), is_quantized(made.graph.module)
        (True, False)
    """
    return isinstance(model, fx.GraphModule) and any(
        "quantized_decomposed" in str(node.target) for node in model.graph.nodes
    )


def float_layers(model: nn.Module) -> tuple[str, ...]:
    """Names of the values whose operators stay in floating point in a model with int8 codes."""
    return tuple(model.meta.get(_FLOAT_LAYERS, ())) if isinstance(model, fx.GraphModule) else ()


@dataclass(frozen=True)
class Int8Weight:
    """Codes of one weight.

    Attributes:
        codes: int8, the weight's shape.
        scales: float32 [out]; [1] if one step is for the whole weight.
        axis: axis of ``codes`` that ``scales`` belong to; ``None`` likewise.
    """

    codes: Tensor
    scales: Tensor
    axis: int | None


def int8_weight(weight: Tensor, axis: int | None) -> Int8Weight:
    """Codes of a weight, symmetric, one step per output channel: max|w_c| / 127.

    Args:
        weight: float32, the output channels along ``axis``.
        axis: 0, 1 for a transposed convolution, or ``None`` for one in groups: its channels lie
            along two axes, for which no format has steps, so that it has one for the whole.
    """
    whole = weight.detach()
    first = whole[None] if axis is None else whole.transpose(0, axis)
    scales = step_sizes(first.reshape(first.shape[0], -1, 1, 1)).flatten()
    shape = [1] * weight.ndim
    if axis is not None:
        shape[axis] = -1
    codes = (weight.detach() / scales.reshape(shape)).round().clamp(-LEVELS, LEVELS)
    return Int8Weight(codes.to(torch.int8), scales, axis)


@dataclass(frozen=True, eq=False)
class Coded:
    """A value that is held in int8 codes on its way to some of its readers.

    Attributes:
        node: node that makes it.
        readers: nodes that take it in codes.
        codes: its codes.
    """

    node: fx.Node
    readers: tuple[fx.Node, ...]
    codes: Affine


@dataclass(frozen=True, eq=False)
class Coding:
    """Where a scheme puts codes in a copy of a graph.

    Attributes:
        module: the copy, which may be written to.
        values: values with codes, in the order of the graph.
        weights: convolutions and linear layers whose weight is int8.
        slopes: PReLUs whose slopes are rounded.
        leaky: leaky ReLUs, whose slopes are, with the steps of their input and output.
    """

    module: fx.GraphModule
    values: tuple[Coded, ...]
    weights: tuple[fx.Node, ...]
    slopes: tuple[fx.Node, ...]
    leaky: tuple[tuple[fx.Node, float, float], ...]


def plan_codes(graph: ValueGraph, scheme: Scheme) -> Coding:
    """Copy a graph and find out where a scheme puts codes in it.

    An operator in ``scheme.float_layers`` computes in floating point and hands its result on as it
    is; whoever computes with codes takes it in codes.

    Raises:
        KeyError: if the scheme lacks a value of this graph.
    """
    module = quiet_copy(graph.module)
    assert isinstance(module, fx.GraphModule)
    nodes = {node.name: node for node in module.graph.nodes}
    floating = {
        nodes[node.name]
        for value in graph.values
        if value.name in scheme.float_layers
        for node in value.operators
    }
    values = []
    for value in graph.values if not scheme.weights_only else ():
        node = nodes[value.node.name]
        readers = tuple(user for user in node.users if not _takes_floats(node, user, floating))
        if readers:
            values.append(Coded(node, readers, value.fixed or scheme.values[value.share]))
    called = [node for node in module.graph.nodes if node not in floating]
    steps = {value.node: value.codes.scale for value in values}
    leaky = tuple(
        (node, steps[source], steps[node])
        for node in called
        if (source := leaky_source(node)) is not None and source in steps and node in steps
    )
    return Coding(
        module,
        tuple(values),
        tuple(node for node in called if is_weighted(node) and _is_stored(node.args[1])),
        tuple(
            node
            for node in called
            if not scheme.weights_only
            and node.op == "call_function"
            and operator_name(node.target) == "prelu"
            and _is_stored(node.args[1])
        ),
        leaky,
    )


def insert(graph: ValueGraph, scheme: Scheme) -> fx.GraphModule:
    """The int8 model that a scheme describes, as a new graph module in evaluation mode.

    Tensors between operators are quantized and dequantized; weights become int8 codes and their
    scales (buffers); biases are rounded to multiples of input scale × weight scale and slopes of
    PReLUs and leaky ReLUs to parts of 1 (:func:`edge_sdk.int8.slope_divisions`,
    :func:`edge_sdk.int8.leaky_slope`), as integer kernels hold them.

    Args:
        graph: the float model; it is left untouched.
        scheme: codes of its values.

    Raises:
        KeyError: if the scheme lacks a value of this graph.
    """
    coding = plan_codes(graph, scheme)
    for value in coding.values:
        _quantize_value(coding.module, value)
    for node in coding.weights:
        _quantize_weight(coding.module, node)
    for node in coding.slopes:
        exact = _stored(coding.module, node.args[1]).double()
        divisions = torch.from_numpy(slope_divisions(exact.numpy()))
        _replace(coding.module, node, 1, ((exact * divisions).round() / divisions).float())
    for node, before, after in coding.leaky:
        round_leaky(node, before, after)
    coding.module.graph.eliminate_dead_code()
    graph_module = fx.GraphModule(coding.module, coding.module.graph, type(graph.module).__name__)
    graph_module.meta[_FLOAT_LAYERS] = scheme.float_layers
    return graph_module.eval()


def round_leaky(node: fx.Node, input_scale: float, output_scale: float) -> None:
    """Give a leaky ReLU the slope that integer kernels compute with."""
    slope = leaky_slope(leaky_slope_of(node), input_scale, output_scale)
    node.args, node.kwargs = (node.args[0], slope), {}


def _takes_floats(node: fx.Node, user: fx.Node, floating: set[fx.Node]) -> bool:
    if node.op == "placeholder":
        return user in floating
    return node in floating and (user in floating or user.op == "output")


def _quantize_value(module: fx.GraphModule, value: Coded) -> None:
    codes = (value.codes.scale, value.codes.zero_point, LOWEST, HIGHEST, torch.int8)
    with module.graph.inserting_after(value.node):
        quantized = module.graph.call_function(
            operators().quantize_per_tensor.default, (value.node, *codes)
        )
    quantized.meta = {**value.node.meta, "val": value.node.meta["val"].to(torch.int8)}
    for reader in value.readers:
        # One for each reader: delegates take an operator together with its own dequantization.
        with module.graph.inserting_before(reader):
            restored = module.graph.call_function(
                operators().dequantize_per_tensor.default, (quantized, *codes)
            )
        restored.meta = dict(value.node.meta)
        reader.replace_input_with(value.node, restored)


def _quantize_weight(module: fx.GraphModule, node: fx.Node) -> None:
    source = node.args[1]
    assert isinstance(source, fx.Node)
    weight = int8_weight(_stored(module, source), output_axis(node))
    # Behind the axis: layers of two kinds may share a weight, but not its codes.
    along = {0: "", 1: "_transposed", None: "_whole"}[weight.axis]
    stem = f"{str(source.target).replace('.', '_')}{along}"
    scales = {
        f"{stem}_scales": weight.scales,
        f"{stem}_zeros": torch.zeros_like(weight.scales, dtype=torch.int64),
    }
    with module.graph.inserting_before(node):
        codes = _buffer(module, f"{stem}_int8", weight.codes)
        if weight.axis is None:
            restored = module.graph.call_function(
                operators().dequantize_per_tensor.default,
                (codes, float(weight.scales), 0, -LEVELS, LEVELS, torch.int8),
            )
        else:
            parts = [_buffer(module, name, tensor) for name, tensor in scales.items()]
            restored = module.graph.call_function(
                operators().dequantize_per_channel.default,
                (codes, *parts, weight.axis, -LEVELS, LEVELS, torch.int8),
            )
    restored.meta = dict(source.meta)
    node.replace_input_with(source, restored)
    fed = node.args[0]
    if len(node.args) < 3 or not _is_stored(node.args[2]) or not isinstance(fed, fx.Node):
        return
    if fed.target is not operators().dequantize_per_tensor.default:
        return
    scale = fed.args[1]
    assert isinstance(scale, float)
    step = weight.scales.double() * scale
    exact = _stored(module, node.args[2]).double()
    _replace(module, node, 2, ((exact / step).round() * step).float())


def _replace(module: fx.GraphModule, node: fx.Node, argument: int, value: Tensor) -> None:
    source = node.args[argument]
    assert isinstance(source, fx.Node)
    with module.graph.inserting_before(node):
        # Behind the node's own name: two layers may share a bias, but not its rounding.
        name = f"{str(source.target).replace('.', '_')}_rounded_{node.name}"
        replacement = _buffer(module, name, value)
    replacement.meta = dict(source.meta)
    node.update_arg(argument, replacement)


def _buffer(module: fx.GraphModule, name: str, value: Tensor) -> fx.Node:
    if not hasattr(module, name):
        module.register_buffer(name, value)
    return module.graph.get_attr(name)


def _is_stored(argument: Any) -> bool:
    return isinstance(argument, fx.Node) and argument.op == "get_attr"


def _stored(module: fx.GraphModule, argument: Any) -> Tensor:
    return parameter(module, str(argument.target)).detach()
