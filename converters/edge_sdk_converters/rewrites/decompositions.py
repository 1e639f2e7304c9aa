"""Operators that a target does not have, in the parts that torch itself takes them apart into."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.export import default_decompositions

from edge_sdk.exported import module_path, operator_name
from edge_sdk_converters.rewrites.formulas import OWN

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten

_ROUNDS = 4
"""Attention comes apart into a kernel's operator, that into products and a softmax."""


def taken_apart(
    program: ExportedProgram, takes: Callable[[Node], bool]
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Decompose what a target does not take, as far as all parts are taken.

    Args:
        program: an exported program.
        takes: whether the target has an operator for a node.
    """
    foreign = {node.target for node in program.graph.nodes if _is_foreign(node, takes)}
    found = _in_parts(program, takes, frozenset())
    if not any(_is_foreign(node, takes) for node in found[0].graph.nodes):
        return found
    # What cannot be taken apart to the end stays whole: it is what the refusal names then.
    whole = frozenset(
        target
        for target in foreign
        if any(
            _is_foreign(node, takes) and node.target not in foreign - {target}
            for node in _in_parts(program, takes, frozenset(foreign - {target}))[0].graph.nodes
        )
    )
    return _in_parts(program, takes, whole)


def _in_parts(
    program: ExportedProgram, takes: Callable[[Node], bool], whole: frozenset[Any]
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Decompose round by round, all but the operators in ``whole``."""
    sentences: list[str] = []
    for _ in range(_ROUNDS):
        foreign = [node for node in program.graph.nodes if _is_foreign(node, takes)]
        table = _table({node.target for node in foreign} - whole)
        if not table:
            break
        sentences += [
            f"{module_path(node)}: {operator_name(node.target)} became what torch makes it of"
            for node in foreign
            if node.target in table
        ]
        program = program.run_decompositions(table)
    return program, tuple(dict.fromkeys(sentences))


def _is_foreign(node: Node, takes: Callable[[Node], bool]) -> bool:
    return (
        node.op == "call_function"
        and isinstance(node.target, torch._ops.OpOverload)
        and node.target.namespace == "aten"
        and not takes(node)
    )


def _table(targets: set[Any]) -> dict[Any, Any]:
    known = default_decompositions()
    found = {}
    for target in targets:
        if target in _OWN:
            found[target] = _OWN[target]
        elif target in known:
            found[target] = known[target]
    return found


def _var_mean(
    x: Tensor, dim: Any = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    axes = list(range(x.dim())) if dim is None else list(dim)
    variance = aten.var.correction(x, axes, correction=correction, keepdim=keepdim)
    return variance, aten.mean.dim(x, axes, keepdim)


def _batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    axes = [axis for axis in range(x.dim()) if axis != 1]
    mean = aten.mean.dim(x, axes, True)
    centered = x - mean
    scale = 1.0 / torch.sqrt(aten.mean.dim(centered * centered, axes, True) + eps)
    result = centered * scale
    shape = [1, -1, *[1] * (x.dim() - 2)]
    if weight is not None:
        result = result * weight.reshape(shape)
    if bias is not None:
        result = result + bias.reshape(shape)
    return result, mean.reshape(-1), scale.reshape(-1)


def _group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    groups = x.reshape(int(x.shape[0]), num_groups, -1)
    centered = groups - aten.mean.dim(groups, [2], True)
    variance = aten.mean.dim(centered * centered, [2], True)
    result: Tensor = (centered / torch.sqrt(variance + eps)).reshape(x.shape)
    shape = [1, -1, *[1] * (x.dim() - 2)]
    if weight is not None:
        result = result * weight.reshape(shape)
    return result if bias is None else result + bias.reshape(shape)


def _lerp(start: Tensor, end: Tensor, weight: Any) -> Tensor:
    blend: Tensor = start + (end - start) * weight
    return blend


def _log_sigmoid(x: Tensor) -> Tensor:
    return -(torch.relu(-x) + torch.log(torch.exp(-torch.abs(x)) + 1.0))


_OWN: dict[Any, Any] = {
    **OWN,
    aten.lerp.Scalar: _lerp,
    aten.lerp.Tensor: _lerp,
    aten.log_sigmoid.default: _log_sigmoid,
    aten.group_norm.default: _group_norm,
    aten.var_mean.correction: _var_mean,
    aten._native_batch_norm_legit.no_stats: _batch_norm,
}
"""What torch takes apart into operators that torch.export does not take, or not at all."""
