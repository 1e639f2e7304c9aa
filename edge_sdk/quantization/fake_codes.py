"""A graph whose values are rounded to their codes, whose weights may change, and the way back."""

from __future__ import annotations

import torch
from torch import fx, nn

from edge_sdk.exported import quiet_copy
from edge_sdk.quantization.insertion import Coding, plan_codes, round_leaky
from edge_sdk.quantization.scheme import HIGHEST, LOWEST, Scheme
from edge_sdk.quantization.value_graph import ValueGraph


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
    """A copy of a model, in evaluation mode, with the parameters that its graph has now.

    Args:
        graph: made of the model, parameters by the same names; what it lacks stays as it was.
        model: left untouched.
    """
    copy = quiet_copy(model)
    state = graph.state_dict()
    copy.load_state_dict({name: state.get(name, old) for name, old in copy.state_dict().items()})
    return copy.eval()
