"""An operator that a target does not have: where it is in the model, and which targets have it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from edge_sdk.errors import ConversionError, EdgeSdkError
from edge_sdk.exported import module_path, operator_name
from edge_sdk.extras import is_installed
from edge_sdk.targets import builds_on, converter_names, find_converter, runs_here

if TYPE_CHECKING:
    from torch.fx import Node


class UnsupportedOperatorError(ConversionError):
    """An operator, or a form of it, for which a target has no counterpart.

    Attributes:
        node: the operator in the exported graph.
        reason: what about it is not possible, with the target's name.
    """

    def __init__(self, node: Node, reason: str) -> None:
        self.node = node
        self.reason = f"{module_path(node)}: {reason}"
        super().__init__(self.reason)


def targets_that_take(node: Node, *, besides: str) -> tuple[str, ...] | None:
    """Find out which installed targets convert an operator, by converting it alone.

    Args:
        node: an operator of an exported graph, with shapes.
        besides: the target that does not.

    Returns:
        Registry names of targets whose files something here runs; those that are not installed, or
        go on from another's files, are not tried. ``None`` if the operator cannot be tried: nothing
        in floating point goes in.
    """
    single = _SingleNode(node)
    if single.example is None:
        return None
    supporting = []
    for name in converter_names():
        converter = find_converter(name)
        if name == besides or not runs_here(converter) or not is_installed(converter.extra):
            continue
        if builds_on(converter):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"operator{converter.suffix}"
            try:
                converter.convert(single, single.example, path, converter.precisions[0])
            except EdgeSdkError:
                continue
        supporting.append(name)
    return tuple(supporting)


def advice(node: Node, *, besides: str) -> str:
    """Half a sentence that says where an operator can go instead."""
    supporting = targets_that_take(node, besides=besides)
    operator = operator_name(node.target)
    if supporting is None:
        return f"whether another target takes {operator} cannot be tried on it alone"
    if not supporting:
        return f"no other installed target takes {operator}"
    return f"{operator} converts with " + " or ".join(f"--target {name}" for name in supporting)


class _SingleNode(nn.Module):
    """One operator of a graph on random tensors of the shapes it has there."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        sources = node.all_input_nodes
        first = next((source for source in sources if _is_float(source)), None)
        stored = all(isinstance(source.meta.get("val"), Tensor) for source in sources)
        self.example = None
        if first is None or not stored:
            return
        shape = tuple(first.meta["val"].shape)
        # Converters take N×C×H×W; what has another rank is a view of one.
        self.example = _random(first).reshape(shape if len(shape) == 4 else (1, 1, 1, -1))
        others = {source: _random(source) for source in sources if source is not first}

        def apply_to(x: Tensor) -> object:
            args, kwargs = torch.fx.node.map_arg(
                (node.args, node.kwargs),
                lambda source: x.reshape(shape) if source is first else others[source],
            )
            return node.target(*args, **kwargs)  # type: ignore[operator]

        # A function, since a module is copied before it is exported, and a graph cannot be.
        self._apply_to = apply_to

    def forward(self, x: Tensor) -> object:
        """Apply the operator to ``x`` in place of its first feature map."""
        return self._apply_to(x)


def _is_float(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.dtype == torch.float32 and value.numel() > 0


def _random(node: Node) -> Tensor:
    value = node.meta["val"]
    generator = torch.Generator().manual_seed(0)
    return torch.rand(tuple(value.shape), generator=generator).to(value.dtype)
