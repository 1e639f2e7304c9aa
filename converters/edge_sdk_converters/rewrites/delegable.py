"""The same operators in the form that ExecuTorch's delegates accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import module_path

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten

MAX_MIRRORED_PX = 8
"""Widest reflecting or replicating pad that is written out row by row."""


def write_out_means(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """A mean over rows and columns that drops them becomes one that keeps them, and a view."""
    return _replaced(
        program,
        aten.mean.dim,
        _mean,
        lambda node: _drops_picture(node.args[0].meta["val"], node.args[1], *node.args[2:3]),
        "a mean that drops rows and columns became one that keeps them, and a view",
    )


def write_out_adaptive_pools(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Adaptive average pooling to sizes that divide becomes plain average pooling."""
    return _replaced(
        program,
        aten.adaptive_avg_pool2d.default,
        _adaptive_pool,
        lambda node: _window(node.args[0].meta["val"], node.args[1]) is not None,
        "adaptive average pooling became average pooling of the window it comes to",
    )


def write_out_mirrors(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Reflecting and replicating pads become slices and concatenations."""
    return _replaced(
        program,
        aten.pad.default,
        _pad,
        lambda node: _is_mirror(*node.args[1:3]),
        "its reflecting or replicating pad became slices and concatenations",
    )


def write_out_crops(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Negative amounts of a constant pad become slices; runtimes only pad."""
    whole = program
    sentences: tuple[str, ...] = ()
    for target, function in ((aten.pad.default, _crop), (aten.constant_pad_nd.default, _crop_nd)):
        whole, more = _replaced(
            whole,
            target,
            function,
            lambda node: _is_crop(*node.args[1:3]),
            "its negative padding became slices",
        )
        sentences += more
    return whole, sentences


def write_out_circles(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """A circular pad becomes slices and concatenations."""
    return _replaced(
        program,
        aten.pad.default,
        _circular,
        lambda node: list(node.args[2:3]) == ["circular"] and min(node.args[1]) >= 0,
        "its circular pad became slices and concatenations",
    )


def write_out_splits(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """A split or chunk becomes a slice for each part."""
    whole = program
    sentences: tuple[str, ...] = ()
    for target, function in ((aten.split.Tensor, _split), (aten.split_with_sizes.default, _sizes)):
        whole, more = _replaced(whole, target, function, lambda _: True, "a split became slices")
        sentences += more
    return whole, sentences


def write_out_hard_sigmoid(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Hard sigmoid becomes relu6(x + 3) / 6."""
    return _replaced(
        program,
        aten.hardsigmoid.default,
        lambda x: aten.hardtanh.default(x + 3.0, 0.0, 6.0) * (1.0 / 6.0),
        lambda _: True,
        "hard sigmoid became relu6(x + 3) / 6",
    )


def write_out_mish(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Mish becomes x·n / (n + 2) with n = e·(e + 2), e = exp(x); above 20 it is x itself.

    torch's own decomposition selects by a comparison, which XNNPACK leaves outside; in int8 the
    delegate's part around it then fails to run.
    """
    return _replaced(
        program,
        aten.mish.default,
        _mish,
        lambda _: True,
        "Mish became x·n / (n + 2), n = exp(x)·(exp(x) + 2)",
    )


def write_out_softplus(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Softplus becomes relu(x) + log(1 + exp(−|x|)), for the same reason as Mish."""
    return _replaced(
        program,
        aten.softplus.default,
        _softplus,
        lambda node: _is_smooth(*node.args[1:]),
        "softplus became relu(x) + log(1 + exp(−|x|))",
    )


def write_out_channel_shuffle(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Channel shuffle becomes a view, a transpose and a view."""
    return _replaced(
        program,
        aten.channel_shuffle.default,
        _channel_shuffle,
        lambda _: True,
        "channel shuffle became a view, a transpose and a view",
    )


def _replaced(
    program: ExportedProgram,
    target: Any,
    function: Callable[..., Any],
    applies: Callable[[Any], bool],
    change: str,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Replace ``target`` by what ``function`` traces to, wherever it does not decline."""
    found: list[Node] = [
        node for node in program.graph.nodes if node.target is target and applies(node)
    ]
    if not found:
        return program, ()
    sentences = tuple(f"{module_path(node)}: {change}" for node in found)
    return program.run_decompositions({target: function}), sentences


def _drops_picture(x: Tensor, dims: Any, keepdim: bool = False) -> bool:
    return x.dim() == 4 and not keepdim and sorted(dim % 4 for dim in dims) == [2, 3]


def _mean(x: Tensor, dim: Any, keepdim: bool = False, *, dtype: Any = None) -> Any:
    if dtype is not None or not _drops_picture(x, dim, keepdim):
        return NotImplemented
    return aten.mean.dim(x, [2, 3], True).reshape(x.shape[0], x.shape[1])


def _window(x: Tensor, output_size: Any) -> list[int] | None:
    sizes = list(x.shape[2:])
    if x.dim() != 4 or list(output_size) == [1, 1]:
        return None
    if any(size % output for size, output in zip(sizes, output_size, strict=True)):
        return None
    return [size // output for size, output in zip(sizes, output_size, strict=True)]


def _adaptive_pool(x: Tensor, output_size: Any) -> Any:
    window = _window(x, output_size)
    return NotImplemented if window is None else aten.avg_pool2d.default(x, window, window)


def _is_mirror(pad: Any, mode: str = "constant") -> bool:
    return mode in ("reflect", "replicate") and min(pad) >= 0 and max(pad) <= MAX_MIRRORED_PX


def _pad(x: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    if not _is_mirror(pad, mode):
        return NotImplemented
    for index in range(len(pad) // 2):
        x = _mirrored(x, x.dim() - 1 - index, pad[2 * index], pad[2 * index + 1], mode)
    return x


def _mirrored(x: Tensor, dim: int, before: int, after: int, mode: str) -> Tensor:
    size = int(x.shape[dim])
    reflects = mode == "reflect"
    head = [step if reflects else 0 for step in range(before, 0, -1)]
    tail = [size - 1 - (step if reflects else 0) for step in range(1, after + 1)]
    rows = [aten.slice.Tensor(x, dim, row, row + 1) for row in head]
    rows += [x, *(aten.slice.Tensor(x, dim, row, row + 1) for row in tail)]
    return torch.cat(rows, dim) if len(rows) > 1 else x


def _is_crop(pad: Any, mode: Any = "constant") -> bool:
    return min(pad, default=0) < 0 and mode not in ("reflect", "replicate", "circular")


def _crop(x: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    return _crop_nd(x, pad, value or 0.0) if _is_crop(pad, mode) else NotImplemented


def _crop_nd(x: Tensor, pad: Any, value: Any = 0.0) -> Any:
    if not _is_crop(pad):
        return NotImplemented
    for index in range(len(pad) // 2):
        dim, (before, after) = x.dim() - 1 - index, pad[2 * index : 2 * index + 2]
        size = int(x.shape[dim])
        if min(before, after) < 0:
            x = aten.slice.Tensor(x, dim, max(-before, 0), size - max(-after, 0))
    left = [max(amount, 0) for amount in pad]
    return aten.constant_pad_nd.default(x, left, value) if any(left) else x.clone()


def _circular(x: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    if mode != "circular" or min(pad) < 0:
        return NotImplemented
    for index in range(len(pad) // 2):
        dim, (before, after) = x.dim() - 1 - index, pad[2 * index : 2 * index + 2]
        size = int(x.shape[dim])
        parts = [x]
        if before:
            parts.insert(0, aten.slice.Tensor(x, dim, size - before, size))
        if after:
            parts.append(aten.slice.Tensor(x, dim, 0, after))
        x = torch.cat(parts, dim) if len(parts) > 1 else x
    return x


def _split(x: Tensor, split_size: int, dim: int = 0) -> list[Tensor]:
    starts = range(0, int(x.shape[dim]), split_size)
    return [aten.slice.Tensor(x, dim, start, start + split_size) for start in starts]


def _sizes(x: Tensor, split_sizes: list[int], dim: int = 0) -> list[Tensor]:
    parts, start = [], 0
    for size in split_sizes:
        parts.append(aten.slice.Tensor(x, dim, start, start + size))
        start += size
    return parts


def _mish(x: Tensor) -> Tensor:
    power = torch.exp(aten.hardtanh.default(x, -60.0, 20.0))
    above = power * (power + 2.0)
    return x * (above / (above + 2.0))


def _is_smooth(beta: float = 1, threshold: float = 20) -> bool:
    """Whether what lies above the threshold is the line within float32."""
    return threshold >= 20 and beta > 0


def _softplus(x: Tensor, beta: float = 1, threshold: float = 20) -> Any:
    if not _is_smooth(beta, threshold):
        return NotImplemented
    scaled = x if beta == 1 else x * float(beta)
    result = torch.relu(scaled) + torch.log(torch.exp(-torch.abs(scaled)) + 1.0)
    return result if beta == 1 else result * (1.0 / float(beta))


def _channel_shuffle(x: Tensor, groups: int) -> Tensor:
    n, channels, height, width = x.shape
    grouped = x.reshape(n, groups, channels // groups, height, width)
    return grouped.transpose(1, 2).reshape(n, channels, height, width)
