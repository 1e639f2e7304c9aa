"""The codes that a quantized PyTorch graph holds: what every file made from it must store."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, fx, nn

from edge_sdk.artifacts.codes.layers import Code, LayoutFreedom, StoredCodes, StoredLayer, layer
from edge_sdk.emulate.parity.differences import Results, largest_values
from edge_sdk.exported import operator_name

_TRANSPOSED = "conv_transpose"
_WEIGHTED = ("conv", "linear")
_SHUFFLES = frozenset(
    {"pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "view", "reshape", "flatten", "permute"}
)
"""Operators that mix channels and places, so that a lowering may order channels otherwise."""


def graph_codes(model: nn.Module) -> StoredCodes | None:
    """Codes of a graph that :mod:`edge_sdk.quantization.insertion` wrote; else ``None``.

    Args:
        model: the step of a parity chain that holds the codes.
    """
    if not isinstance(model, fx.GraphModule):
        return None
    activations, layers = [], []
    for node in model.graph.nodes:
        target = str(node.target)
        if "quantized_decomposed.quantize_per_tensor" in target:
            scale, zero_point = node.args[1:3]
            activations.append(Code(float(scale), int(zero_point)))
        elif "quantized_decomposed.dequantize_per_channel" in target:
            layers += [_layer(model, node, user) for user in node.users]
    halves = any(operator_name(node.target) == "prelu" for node in model.graph.nodes)
    found = tuple(each for each in layers if each is not None)
    return StoredCodes(tuple(activations), found, halves)


def output_spans(model: nn.Module) -> tuple[float, ...]:
    """For each output of a graph, from the least to the greatest value of its codes.

    Args:
        model: a graph that :mod:`edge_sdk.quantization.insertion` wrote, or any module.

    Returns:
        0 for an output that is not in codes; nothing for a module that is no graph.
    """
    if not isinstance(model, fx.GraphModule):
        return ()
    spans = []
    for node in model.graph.output_node().all_input_nodes:
        span = 0.0
        if operator_name(node.target) == "dequantize_per_tensor":
            _, scale, _, low, high = node.args[:5]
            span = float(scale) * (int(high) - int(low))  # type: ignore[arg-type]
        spans.append(span)
    return tuple(spans)


def code_peaks(model: nn.Module, expected: Results) -> tuple[float, ...]:
    """What 0 dB is measured from for outputs in codes: all that the codes can say.

    So one code everywhere is 48 dB, whatever part of the codes the probes reach. For others, the
    largest |value|.

    Args:
        model: a graph in codes, or any module.
        expected: its results, by probe.
    """
    largest, spans = largest_values(expected), output_spans(model)
    return tuple(map(max, largest, spans)) if len(spans) == len(largest) else largest


def _meets_shuffle(start: fx.Node, *, forward: bool) -> bool:
    """Whether a shuffle lies between a layer and the next layers in one direction."""
    seen, waiting = set[fx.Node](), [start]
    while waiting:
        node = waiting.pop()
        for other in node.users if forward else node.all_input_nodes:
            name = operator_name(other.target) if other.op == "call_function" else ""
            if other in seen or name.startswith(_WEIGHTED):
                continue
            if name in _SHUFFLES:
                return True
            seen.add(other)
            waiting.append(other)
    return False


def _layer(model: fx.GraphModule, weight: fx.Node, user: fx.Node) -> StoredLayer | None:
    codes, scales = (_tensor(model, weight.args[index]) for index in (0, 1))
    assert codes is not None
    assert scales is not None
    transposed = _TRANSPOSED in operator_name(user.target)
    if transposed:
        if int(weight.args[3]) != 1:  # type: ignore[arg-type]
            return None
        codes = codes.transpose(0, 1)
    bias = _tensor(model, user.args[2]) if len(user.args) > 2 else None
    name = str(weight.args[0].target).removesuffix("_weight_int8")  # type: ignore[union-attr]
    return layer(
        name,
        np.ascontiguousarray(codes.numpy()),
        scales.numpy(),
        None if bias is None else bias.detach().numpy(),
        LayoutFreedom(
            outputs=_meets_shuffle(user, forward=True),
            inputs=_meets_shuffle(user, forward=False),
            form=transposed,
        ),
    )


def _tensor(model: fx.GraphModule, argument: Any) -> Tensor | None:
    if not isinstance(argument, fx.Node) or argument.op != "get_attr":
        return None
    owner, _, name = str(argument.target).rpartition(".")
    found = getattr(model.get_submodule(owner), name)
    assert isinstance(found, Tensor)
    return found
