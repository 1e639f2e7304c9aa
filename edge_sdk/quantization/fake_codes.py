"""A graph whose values are rounded to their codes, whose weights may change, and the way back."""

from __future__ import annotations

import torch
from torch import fx, nn

from edge_sdk.errors import ConversionError
from edge_sdk.exported import quiet_copy
from edge_sdk.quantization.insertion import Coding, plan_codes, round_leaky
from edge_sdk.quantization.scheme import HIGHEST, LOWEST, Scheme
from edge_sdk.quantization.value_graph import ValueGraph, parameter


def with_rounded_values(graph: ValueGraph, scheme: Scheme) -> Coding:
    """Copy a graph and round its activations to the codes of a scheme, gradients straight through.

    Args:
        graph: the float model; it is left untouched.
        scheme: codes of its values.

    Returns:
        The copy, ready to run, and where it has values and weights.

    Raises:
        KeyError: if the scheme lacks a value of this graph.
    """
    coding = plan_codes(graph, scheme)
    module = coding.module
    for node, before, after in coding.leaky:
        round_leaky(node, before, after)
    for value in coding.values:
        codes = value.codes
        with module.graph.inserting_after(value.node):
            rounded = module.graph.call_function(
                torch.fake_quantize_per_tensor_affine,
                (value.node, codes.scale, codes.zero_point, LOWEST, HIGHEST),
            )
        for reader in value.readers:
            reader.replace_input_with(value.node, rounded)
    module.recompile()
    return coding


def with_parameters_of(graph: fx.GraphModule, model: nn.Module) -> nn.Module:
    """A copy of a model, in evaluation mode, with the parameters and buffers that its graph reads.

    Args:
        graph: made of the model, parameters by the same names; of one under two names, by one of
            them. What it does not read stays as it was.
        model: left untouched.

    Raises:
        ConversionError: if the graph reads a parameter that the model lacks.
    """
    copy = quiet_copy(model)
    held = {
        **dict(copy.named_buffers(remove_duplicate=False)),
        **dict(copy.named_parameters(remove_duplicate=False)),
    }
    read = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr" and node.users}
    with torch.no_grad():
        for name in sorted(read):
            tensor = parameter(graph, name)
            if name in held:
                held[name].copy_(tensor)
            elif isinstance(tensor, nn.Parameter):
                raise ConversionError(
                    f"{name}: a parameter of the traced {type(model).__name__} that the model "
                    "itself does not have; report this model, it shows a mistake in edge-sdk"
                )
    return copy.eval()
