"""Operators whose numbers Core ML, or its converter, is known to compute otherwise than PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import argument_of, module_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_rms_norm(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """RMSNorm becomes x / √(mean x² + ε) · w: coremltools adds ε to x divided by its largest."""
    found = [node for node in program.graph.nodes if node.target is aten.rms_norm.default]
    return _decomposed(
        program, found, {aten.rms_norm.default: _rms_norm}, "RMSNorm became x / √(mean x² + ε) · w"
    )


def write_out_alphas(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``add(x, y, alpha=a)`` becomes x + a·y, and ``sub`` likewise: coremltools drops ``alpha``."""
    table: dict[Any, Any] = {
        aten.add.Tensor: _scaled(aten.add.Tensor),
        aten.sub.Tensor: _scaled(aten.sub.Tensor),
        aten.add.Scalar: _scaled(aten.add.Tensor),
        aten.sub.Scalar: _scaled(aten.sub.Tensor),
        aten.rsub.Tensor: _reversed,
        aten.rsub.Scalar: _reversed,
    }
    found = [
        node
        for node in program.graph.nodes
        if node.target in table and argument_of(node, 2, "alpha", 1) != 1
    ]
    used: dict[Any, Any] = {node.target: table[node.target] for node in found}
    return _decomposed(program, found, used, "the factor alpha became a product")


def write_out_where_scalars(
    program: ExportedProgram,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Numbers that ``where`` chooses become tensors of its result's type: MIL's are typed."""
    table: dict[Any, Any] = {
        aten.where.ScalarSelf: _where,
        aten.where.ScalarOther: _where,
        aten.where.Scalar: _where,
    }
    found = [node for node in program.graph.nodes if node.target in table]
    used: dict[Any, Any] = {node.target: table[node.target] for node in found}
    return _decomposed(program, found, used, "a number that it chooses became a tensor")


def write_out_thresholds(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Softplus with a threshold that shows is chosen by a comparison; coremltools drops it."""
    target = aten.softplus.default
    found = [node for node in program.graph.nodes if node.target is target and _shows(node)]
    return _decomposed(
        program, found, {target: _thresholded}, "softplus got its threshold as a comparison"
    )


def count_cumsums_from_start(
    program: ExportedProgram,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """A running sum along −2 becomes one along 2, as MIL counts."""
    target = aten.cumsum.default
    found = [node for node in program.graph.nodes if node.target is target and node.args[1] < 0]
    return _decomposed(
        program, found, {target: _cumsum}, "the axis of a running sum is counted from the start"
    )


def _decomposed(
    program: ExportedProgram, found: Sequence[Node], table: dict[Any, Any], change: str
) -> tuple[ExportedProgram, tuple[str, ...]]:
    if not found:
        return program, ()
    sentences = tuple(f"{module_path(node)}: {change}" for node in found)
    return program.run_decompositions(table), sentences


def _rms_norm(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    axes = list(range(-len(normalized_shape), 0))
    least = torch.finfo(x.dtype).eps if eps is None else eps
    result = x / torch.sqrt((x * x).mean(axes, keepdim=True) + least)
    return result if weight is None else result * weight


def _scaled(target: Any) -> Any:
    def apply(x: Tensor, y: Any, alpha: float = 1) -> Any:
        if alpha == 1:
            return NotImplemented
        return target(x, y * alpha) if isinstance(y, torch.Tensor) else target(x, float(y * alpha))

    return apply


def _reversed(x: Tensor, y: Any, alpha: float = 1) -> Any:
    return NotImplemented if alpha == 1 else y - x * alpha


def _where(condition: Tensor, one: Any, other: Any) -> Tensor:
    given = [side for side in (one, other) if isinstance(side, torch.Tensor)]
    kind = given[0].dtype if given else torch.get_default_dtype()
    sides = [
        side if isinstance(side, torch.Tensor) else torch.full((1,), side, dtype=kind)
        for side in (one, other)
    ]
    chosen: Tensor = aten.where.self(condition, *sides)
    return chosen


def _shows(node: Node) -> bool:
    return float(argument_of(node, 2, "threshold", 20)) < 20  # type: ignore[arg-type]


def _thresholded(x: Tensor, beta: float = 1, threshold: float = 20) -> Any:
    if threshold >= 20:
        return NotImplemented
    scaled = x * float(beta)
    smooth = (torch.relu(scaled) + torch.log(torch.exp(-torch.abs(scaled)) + 1.0)) / float(beta)
    return aten.where.self(scaled > float(threshold), x, smooth)


def _cumsum(x: Tensor, dim: int, *, dtype: Any = None) -> Any:
    return NotImplemented if dim >= 0 else aten.cumsum.default(x, dim % x.dim(), dtype=dtype)
