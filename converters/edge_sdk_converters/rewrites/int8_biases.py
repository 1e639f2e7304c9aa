"""Biases of layers in int8 codes as the 32-bit integers that integer kernels add.

A graph with codes holds biases in floating point, which every integer runtime rounds to whole steps
of the sums that they are added to: the step of the input times that of the weights. Compilers that
take only what is marked as integers want to see that written out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import module_path, operator_name
from edge_sdk_converters.rewrites.graph_edit import called, copied, finish, stored

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

CODED = torch.ops.quantized_decomposed
LAYERS = frozenset({"conv2d", "conv_transpose2d", "linear", "convolution"})
LIMIT = 2**31 - 1


def write_biases_as_integers(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Put ``dequantize_per_channel`` of 32-bit codes in the place of every bias of such a layer."""
    if not any(_is_coded(node) for node in program.graph.nodes):
        return program, ()
    program = copied(program)
    sentences = []
    for node in list(program.graph_module.graph.nodes):
        if not _is_coded(node):
            continue
        source, weight, bias = node.args[:3]
        steps = _value(program, weight.args[1]).double() * source.args[1]
        codes = torch.round(_value(program, bias).double() / steps).clamp(-LIMIT, LIMIT)
        constants = (codes.to(torch.int32), steps.float(), torch.zeros(len(codes)).long())
        held = [
            stored(program, f"{node.name}_bias_{what}", value)
            for what, value in zip(("codes", "steps", "zeros"), constants, strict=True)
        ]
        limits = (-LIMIT - 1, LIMIT, torch.int32)
        node.update_arg(2, called(CODED.dequantize_per_channel.default, (*held, 0, *limits), node))
        sentences.append(f"{module_path(node)}: its bias became 32-bit integers")
    return finish(program), tuple(sentences)


def _is_coded(node: Node) -> bool:
    """Whether a node is a layer whose input and weight are codes, and whose bias is none."""
    if node.op != "call_function" or operator_name(node.target) not in LAYERS:
        return False
    source, weight, *others = node.args
    bias: Any = others[0] if others else None
    names = [operator_name(getattr(each, "target", "")) for each in (source, weight)]
    return (
        names == ["dequantize_per_tensor", "dequantize_per_channel"]
        and bias is not None
        and bias.op == "placeholder"
    )


def _value(program: ExportedProgram, node: Node) -> Tensor:
    """A parameter, a buffer or a constant of a program."""
    signature = program.graph_signature
    for names in (
        signature.inputs_to_parameters,
        signature.inputs_to_buffers,
        signature.inputs_to_lifted_tensor_constants,
    ):
        if node.name in names:
            name = names[node.name]
            found: Tensor = program.state_dict.get(name, program.constants.get(name))
            return found
    raise KeyError(node.name)
