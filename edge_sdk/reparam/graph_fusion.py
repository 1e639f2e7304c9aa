"""Rewriting a traced model: every linear region becomes one convolution layer."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam.certificate import Refusal, Region
from edge_sdk.reparam.compact import conv_layer
from edge_sdk.reparam.linear_nodes import is_weighted
from edge_sdk.reparam.regions import Form, find_regions
from edge_sdk.reparam.tracing import remove_unused, trace


@dataclass(frozen=True)
class GraphFusion:
    """A model with its linear regions merged.

    Attributes:
        model: the graph module, or ``None`` if there was nothing to merge.
        regions: what was merged.
        refusals: what was left apart, and why.
    """

    model: nn.Module | None
    regions: tuple[Region, ...]
    refusals: tuple[Refusal, ...]


def fuse_graph(model: nn.Module, example: Tensor, dtype: torch.dtype) -> GraphFusion:
    """Merge the maximal linear regions of a model in evaluation mode.

    Args:
        model: any module; it is left untouched.
        example: float tensor of the model's input shape.
        dtype: dtype of the merged layers; they are computed in float64.

    Raises:
        FusionError: if the model cannot be traced.
    """
    exact = deepcopy(model).double()
    module = trace(exact, example.double())
    found = find_regions(module)
    refusals = list(found.refusals)
    regions = []
    replaced: dict[fx.Node, fx.Node] = {}
    for node in list(module.graph.nodes):
        form = found.forms.get(node)
        if form is None or not _is_worth_merging(form, module):
            continue
        try:
            layer = conv_layer(form.operator, torch.float64)
        except FusionError as error:
            refusals.append(Refusal(node.name, str(error)))
            continue
        root = replaced.get(form.root, form.root)
        region, replaced[node] = _replace(module, node, root, form, layer)
        regions.append(region)
    if not regions:
        return GraphFusion(None, (), tuple(refusals))
    remove_unused(module)
    return GraphFusion(module.to(dtype), tuple(regions), tuple(refusals))


def _is_worth_merging(form: Form, module: fx.GraphModule) -> bool:
    return len(form.members) > 1 and any(is_weighted(node, module) for node in form.members)


def _replace(
    module: fx.GraphModule, node: fx.Node, root: fx.Node, form: Form, layer: nn.Module
) -> tuple[Region, fx.Node]:
    members = [member for member in module.graph.nodes if member in form.members]
    names = [str(member.target) for member in members if member.op == "call_module"]
    name = _region_name(module, names, node)
    module.add_submodule(name, layer)
    with module.graph.inserting_before(node):
        merged = module.graph.call_module(name, (root,))
    merged.meta = dict(node.meta)
    for user in list(node.users):
        if user not in form.members:
            user.replace_input_with(node, merged)
    weighted = sum(is_weighted(member, module) for member in members)
    height, width = form.operator.kernel.shape[2:]
    return Region(name, weighted, (int(height), int(width)), tuple(names)), merged


def _region_name(module: fx.GraphModule, names: list[str], node: fx.Node) -> str:
    """Where the merged layer lives: in the module that holds all that it replaces."""
    split = [name.split(".")[:-1] for name in names]
    common: list[str] = []
    for parts in zip(*split, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    base = ".".join([*common, "fused"])
    taken = {name for name, _ in module.named_modules()}
    name, count = base, 2
    while name in taken:
        name, count = f"{base}_{count}", count + 1
    return name
