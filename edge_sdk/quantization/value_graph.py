"""A model as the tensors between its operators, named after the modules that make them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from edge_sdk.exported import Example, export, operator_name
from edge_sdk.quantization.scheme import LOWEST, Affine

WEIGHTED = frozenset({"conv1d", "conv2d", "conv_transpose2d", "convolution", "linear"})
"""Operators with a weight as second argument and a bias as third."""
CLAMPING = frozenset({"relu", "relu6", "hardtanh", "clamp"})
"""Activations that a runtime joins to the operator before them, so that no codes lie between."""
_JOINED_BY_CLAMPING = WEIGHTED | {"add", "sub", "mul"}
KEEPING = frozenset(
    {
        "_upsample_nearest_exact2d",
        "adaptive_max_pool2d",
        "alias",
        "amax",
        "amin",
        "cat",
        "channel_shuffle",
        "clone",
        "constant_pad_nd",
        "contiguous",
        "detach",
        "dropout",
        "expand",
        "flatten",
        "flip",
        "getitem",
        "index",
        "max_pool2d",
        "max_pool2d_with_indices",
        "maximum",
        "minimum",
        "narrow",
        "pad",
        "permute",
        "pixel_shuffle",
        "pixel_unshuffle",
        "reflection_pad2d",
        "relu",
        "repeat",
        "replication_pad2d",
        "reshape",
        "roll",
        "select",
        "slice",
        "split",
        "split_with_sizes",
        "squeeze",
        "stack",
        "transpose",
        "unbind",
        "unsqueeze",
        "unflatten",
        "upsample_bilinear2d",
        "upsample_nearest2d",
        "view",
    }
)
"""Operators whose output holds values of the input (or 0) alone, or means of neighbors, for which
integer kernels have no other codes: the codes stay the same."""
FIXED: dict[str, Affine] = {
    "_log_softmax": Affine(2.0**-4, 127),
    "_softmax": Affine(2.0**-8, LOWEST),
    "log_softmax": Affine(2.0**-4, 127),
    "sigmoid": Affine(2.0**-8, LOWEST),
    "softmax": Affine(2.0**-8, LOWEST),
    "tanh": Affine(2.0**-7, 0),
}
"""Operators whose range is known, and the codes that integer kernels (TFLite's quantization
specification) give them, whatever else is requested."""


@dataclass(frozen=True, eq=False)
class Value:
    """One tensor between operators.

    Attributes:
        name: path of the module that makes it (``features.0``); with the operator behind a colon
            where a module makes several; the operator alone for what the model itself computes,
            behind a colon if a module is called so. No two values have one name.
        node: node of the graph.
        operators: nodes that are one operator once deployed: a convolution and its clamp, say.
        share: name of the first of the values that have the same codes.
        fixed: codes that it has in every scheme (:data:`FIXED`, and whatever keeps such codes);
            ``None`` if the scheme says.
    """

    name: str
    node: fx.Node
    operators: tuple[fx.Node, ...]
    share: str
    fixed: Affine | None = None


@dataclass(frozen=True, eq=False)
class ValueGraph:
    """The graph of a model with its values, in the order in which they are computed.

    Attributes:
        module: runs the graph; holds the model's parameters by their names.
        values: inputs first.
    """

    module: fx.GraphModule
    values: tuple[Value, ...]


def value_graph(model: nn.Module, example: Example) -> ValueGraph:
    """Export a model and name its values.

    Args:
        model: float32 model of one input or several; it is left untouched.
        example: float32 [N, C, H, W] in [0, 1], or one tensor for each input; the shapes become
            static.

    Raises:
        InputError: if the model does not take the example.
        ConversionError: if it cannot be traced.
    """
    module = export(model, example).module(check_guards=False)
    assert isinstance(module, fx.GraphModule)
    _merge_equal(module.graph)
    fed = _fed_by_inputs(module.graph)
    nodes = [node for node in module.graph.nodes if node in fed and _is_value(node)]
    joined = {node: clamp for node in nodes if (clamp := _clamp_behind(node)) is not None}
    own = [node for node in nodes if node not in joined]
    before = {clamp: node for node, clamp in joined.items()}
    named = _names(own, before)
    root = _sets(own, before)
    # The first of each set in the order of the graph speaks for it.
    first: dict[fx.Node, str] = {}
    for node in own:
        first.setdefault(_find(root, node), named[node])
    return ValueGraph(
        module,
        tuple(
            Value(
                named[node],
                node,
                (before[node], node) if node in before else (node,),
                first[_find(root, node)],
                _fixed(_find(root, node)),
            )
            for node in own
        ),
    )


def is_weighted(node: fx.Node) -> bool:
    """Whether a node is a convolution or a linear layer."""
    return node.op == "call_function" and operator_name(node.target) in WEIGHTED


def leaky_source(node: fx.Node) -> fx.Node | None:
    """What a leaky ReLU reads; ``None`` of any other node."""
    if node.op != "call_function" or operator_name(node.target) != "leaky_relu":
        return None
    source = node.args[0]
    return source if isinstance(source, fx.Node) else None


def leaky_slope_of(node: fx.Node) -> float:
    """Slope of a leaky ReLU."""
    slope = node.args[1] if len(node.args) > 1 else node.kwargs.get("negative_slope", 0.01)
    assert isinstance(slope, int | float)
    return float(slope)


def output_axis(node: fx.Node) -> int | None:
    """Axis of the weight that holds the output channels of a convolution or linear layer.

    ``None`` for a transposed convolution in groups, whose channels lie along two axes.
    """
    if operator_name(node.target) != "conv_transpose2d":
        return 0
    groups = node.args[6] if len(node.args) > 6 else 1
    return 1 if groups == 1 else None


def _merge_equal(graph: fx.Graph) -> None:
    """Compute once what is computed twice: compilers do so, and then one result has one code."""
    first: dict[object, fx.Node] = {}
    for node in list(graph.nodes):
        if node.op not in ("get_attr", "call_function") or _is_random(node):
            continue
        earlier = first.setdefault(
            (node.target, repr(node.args), repr(sorted(node.kwargs.items()))), node
        )
        if earlier is not node:
            node.replace_all_uses_with(earlier)
            graph.erase_node(node)


def _is_random(node: fx.Node) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def _is_value(node: fx.Node) -> bool:
    if node.op not in ("placeholder", "call_function"):
        return False
    result = node.meta.get("val")
    return isinstance(result, Tensor) and result.is_floating_point()


def _fed_by_inputs(graph: fx.Graph) -> set[fx.Node]:
    fed: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or not fed.isdisjoint(node.all_input_nodes):
            fed.add(node)
    return fed


def _clamp_behind(node: fx.Node) -> fx.Node | None:
    if node.op != "call_function" or operator_name(node.target) not in _JOINED_BY_CLAMPING:
        return None
    users = list(node.users)
    if len(users) != 1 or users[0].op != "call_function":
        return None
    return users[0] if operator_name(users[0].target) in CLAMPING else None


def _sets(own: list[fx.Node], before: dict[fx.Node, fx.Node]) -> dict[fx.Node, fx.Node]:
    """Sets of values with the same codes, each node leading to another or, at last, to itself."""
    root = {node: node for node in own}
    fixed = {node: codes for node in own if (codes := _fixed(node)) is not None}
    for node in own:
        if node in before or node.op != "call_function" or not _keeps_values(node):
            continue
        sources = [_find(root, source) for source in _sources(node, root)]
        kinds = {fixed.get(source) for source in sources}
        for source in sources:
            # What joins fixed codes to others takes them in again.
            if len(kinds) == 1 or source not in fixed:
                root[_find(root, node)] = _find(root, source)
    return root


def _sources(node: fx.Node, root: Mapping[fx.Node, fx.Node]) -> list[fx.Node]:
    """Values that a node reads, those behind a split or a pool with indices included."""
    found: list[fx.Node] = []
    for source in node.all_input_nodes:
        if source in root:
            found.append(source)
        elif source.op == "call_function" and operator_name(source.target) in KEEPING:
            found += _sources(source, root)
    return found


def _fixed(node: fx.Node) -> Affine | None:
    return FIXED.get(operator_name(node.target)) if node.op == "call_function" else None


def _keeps_values(node: fx.Node) -> bool:
    name = operator_name(node.target)
    if name == "avg_pool2d":
        return len(node.args) < 7 or node.args[6] is None
    if name == "adaptive_avg_pool2d":
        return _is_windowed(node)
    if name == "constant_pad_nd":
        fill = node.args[2] if len(node.args) > 2 else 0
        return isinstance(fill, int | float) and fill == 0
    return name in KEEPING


def _is_windowed(node: fx.Node) -> bool:
    """Whether adaptive pooling is pooling of equal windows, and none of the whole picture."""
    source = node.args[0]
    assert isinstance(source, fx.Node)
    pairs = zip(source.meta["val"].shape[-2:], node.meta["val"].shape[-2:], strict=True)
    sizes = [(int(size), int(output)) for size, output in pairs]
    whole = all(output == 1 for _, output in sizes)
    return not whole and all(size % output == 0 for size, output in sizes)


def _find(root: dict[fx.Node, fx.Node], node: fx.Node) -> fx.Node:
    while root[node] is not node:
        node = root[node]
    return node


def _names(nodes: list[fx.Node], before: dict[fx.Node, fx.Node]) -> dict[fx.Node, str]:
    paths = {node: module_path(before.get(node, node)) for node in nodes}
    counts = Counter(paths.values())
    named = {node: path for node, path in paths.items() if path and counts[path] == 1}
    taken = set(named.values())
    for node, path in paths.items():
        if node in named:
            continue
        name = f"{path}:{node.name}" if path else node.name
        # A module may be called as an operator of the model itself is: ``mul`` and ``:mul``.
        while name in taken:
            name = f":{name}"
        named[node] = name
        taken.add(name)
    return named


def module_path(node: fx.Node) -> str:
    """Path of the module that a node belongs to; empty for what the model itself computes."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def first_output(outputs: object) -> Tensor:
    """The tensor that a model returns, or the first of several."""
    first = outputs[0] if isinstance(outputs, tuple | list) else outputs
    assert isinstance(first, Tensor)
    return first


def parameter(module: nn.Module, path: str) -> Tensor:
    """Parameter or buffer of a module by its dotted name."""
    owner, _, name = path.rpartition(".")
    tensor = getattr(module.get_submodule(owner), name)
    assert isinstance(tensor, torch.Tensor)
    return tensor
