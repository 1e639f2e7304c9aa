"""Rewriting a traced model: every linear region becomes one convolution layer."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from edge_sdk.errors import FusionError, first_line
from edge_sdk.reparam.findings import Refusal, Region
from edge_sdk.reparam.graph.channel_changes import NORMS
from edge_sdk.reparam.graph.linear_nodes import BATCH_NORMS, is_weighted
from edge_sdk.reparam.graph.norms import merge_norms
from edge_sdk.reparam.graph.pre_activation import remove_pre_activations
from edge_sdk.reparam.graph.region_costs import Form
from edge_sdk.reparam.graph.regions import find_regions
from edge_sdk.reparam.graph.tracing import remove_unused, trace
from edge_sdk.reparam.graph.written_borders import writes_to
from edge_sdk.reparam.linear.compact import conv_layer

_DECIDED = Refusal(
    "(whole model)",
    "traced for inputs of the example's size: its forward pass decides on shapes, and the fused "
    "model raises an AssertionError for inputs for which a decision would come out otherwise",
)


@dataclass(frozen=True)
class GraphFusion:
    """A model with its linear regions merged.

    Attributes:
        model: the graph module, or ``None`` if there was nothing to merge.
        regions: what was merged.
        refusals: what was left unmerged, and why.
    """

    model: nn.Module | None
    regions: tuple[Region, ...]
    refusals: tuple[Refusal, ...]


def fuse_graph(model: nn.Module, inputs: tuple[Tensor, ...]) -> GraphFusion:
    """Merge the linear regions of a model in evaluation mode.

    Args:
        model: any module; it is left untouched.
        inputs: example inputs, in the model's dtype, which the merged layers get too; they are
            computed in float64.

    Raises:
        FusionError: if the model cannot be traced.
    """
    traced = trace(copy_of(model), inputs)
    module = traced.module
    dtype = dtype_of(model)
    weights = copy_of(module).double()
    found = find_regions(traced, weights)
    refusals = list(found.refusals)
    regions = []
    replaced: dict[fx.Node, fx.Node] = {}
    for node in list(module.graph.nodes):
        form = found.forms.get(node)
        if form is None or not _is_worth_merging(form, module):
            continue
        try:
            layer = conv_layer(form.operator, dtype)
        except FusionError as error:
            refusals.append(Refusal(node.name, str(error)))
            continue
        root = replaced.get(form.root, form.root)
        region, replaced[node] = _replace(module, node, root, form, layer)
        regions.append(region)
    regions += merge_norms(module)
    remove_unused(module)
    pre = remove_pre_activations(module, weights, traced.written, dtype)
    regions = _joined(regions, pre.regions)
    remove_unused(module)
    refusals = [each for each in refusals if each.name not in pre.removed]
    left = (*_unmerged_norms(module), *refusals, *pre.refusals)
    named = {refusal.name: refusal for refusal in left}
    refusals = list(named.values())
    if not regions:
        return GraphFusion(None, (), tuple(refusals))
    if traced.guarded:
        refusals.append(_DECIDED)
    kept_training = _training_norms(module)
    # A new module holds what its graph uses, and nothing of what was merged.
    graph_module = fx.GraphModule(module, module.graph, type(model).__name__).eval()
    for name in kept_training:
        graph_module.get_submodule(name).train()
    return GraphFusion(graph_module, tuple(regions), tuple(refusals))


def copy_of(model: Any, replacements: dict[int, Any] | None = None) -> Any:
    """Deep copy of a model.

    Args:
        model: what is copied.
        replacements: what stands in the copy, as it is, in place of the object with an id.

    Raises:
        FusionError: if it cannot be copied.
    """
    try:
        return deepcopy(model, replacements)
    except Exception as error:
        raise FusionError(
            f"{type(model).__name__} cannot be copied ({first_line(error)}); remove what is "
            "computed on every forward pass, such as old-style weight normalization"
        ) from error


def dtype_of(model: nn.Module) -> torch.dtype:
    """Dtype of a model's parameters, or of its buffers; float32 if it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.float32


def _training_norms(module: fx.GraphModule) -> list[str]:
    """BatchNorms that a model in evaluation mode keeps in training on purpose."""
    names = [str(node.target) for node in module.graph.nodes if node.op == "call_module"]
    layers = {name: module.get_submodule(name) for name in names}
    return [name for name, part in layers.items() if isinstance(part, NORMS) and part.training]


def _unmerged_norms(module: fx.GraphModule) -> Iterator[Refusal]:
    """BatchNorms that are left, which one expects fusing to remove."""
    for node in module.graph.nodes:
        layer = node.op == "call_module" and module.get_submodule(str(node.target))
        if isinstance(layer, BATCH_NORMS) or node.target is nn.functional.batch_norm:
            before = ", ".join(source.name for source in node.all_input_nodes[:1])
            name = str(node.target) if node.op == "call_module" else node.name
            yield Refusal(
                name,
                f"neither {before}, which it takes, nor what follows is a convolution that this "
                "BatchNorm alone can join; put it right behind a convolution",
            )


def _is_worth_merging(form: Form, module: fx.GraphModule) -> bool:
    return len(form.members) > 1 and any(is_weighted(node, module) for node in form.members)


def _joined(regions: list[Region], later: tuple[Region, ...]) -> list[Region]:
    """Regions with what their layers took in later as members of theirs."""
    joined = {region.name: region for region in regions}
    for region in later:
        earlier = joined.get(region.name)
        if earlier is not None:
            norms = tuple(name for name in region.members if name != region.name)
            region = replace(earlier, members=(*norms, *earlier.members))
        joined[region.name] = region
    return list(joined.values())


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
    writes = writes_to(node)
    for user in list(node.users):
        if user in writes:
            module.graph.erase_node(user)
        elif user not in form.members:
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
    parent = module.get_submodule(".".join(common))
    name, count = base, 2
    while hasattr(parent, name.rpartition(".")[2]):
        name, count = f"{base}_{count}", count + 1
    return name
