"""A model that also returns what its modules compute, by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from edge_sdk.exported import Example, export, module_path, operator_name

if TYPE_CHECKING:
    from torch import fx

MOST = 48
"""Most results that are returned; of more, as many are taken evenly from the whole."""


@dataclass(frozen=True, eq=False)
class Watched:
    """A model whose outputs are the results of its modules.

    Attributes:
        module: the model, from the same input.
        names: path and kind of the module that each output comes from.
    """

    module: nn.Module
    names: tuple[str, ...]


def with_module_outputs(model: nn.Module, example: Example) -> Watched | None:
    """Make the last result of each module an output, in the order in which they are computed.

    Args:
        model: in evaluation mode; it is not changed. In int8 codes, results are those of the codes.
        example: float32, one tensor or one for each input.

    Returns:
        ``None`` if there is nothing in between.
    """
    module = export(model, example).module()
    assert isinstance(module, torch.fx.GraphModule)
    last: dict[str, fx.Node] = {}
    coded = any(_is_dequantize(node) for node in module.graph.nodes)
    # Nodes stand in the order in which they are computed: sources before what reads them.
    computed: set[fx.Node] = set()
    for node in module.graph.nodes:
        if node.op != "placeholder" and computed.isdisjoint(node.all_input_nodes):
            continue
        computed.add(node)
        if _is_result(node, coded):
            # Behind what was computed since the module's result before.
            last.pop(name := _origin(node), None)
            last[name] = node
    found = list(last.items())
    if len(found) < 2:
        return None
    if len(found) > MOST:
        found = [found[round(step * (len(found) - 1) / (MOST - 1))] for step in range(MOST)]
    output = module.graph.output_node()
    output.args = (tuple(node for _, node in found),)
    module.graph.set_codegen(torch.fx.graph.CodeGen())
    module.graph.lint()
    plain = torch.fx.GraphModule(module, module.graph, type(model).__name__)
    return Watched(plain, tuple(name for name, _ in found))


def _is_result(node: fx.Node, coded: bool) -> bool:
    value = node.meta.get("val")
    if node.op != "call_function" or not isinstance(value, Tensor):
        return False
    if not value.is_floating_point() or value.dim() == 0:
        return False
    return _is_dequantize(node) if coded else True


def _is_dequantize(node: fx.Node) -> bool:
    return operator_name(node.target) == "dequantize_per_tensor"


def _origin(node: fx.Node) -> str:
    """Module of a result; of codes, the module that computed what was quantized."""
    while operator_name(node.target) in ("dequantize_per_tensor", "quantize_per_tensor"):
        node = node.all_input_nodes[0]
    return module_path(node) if node.op == "call_function" else node.name
