"""Which frame made each pixel of a burst zoom."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.html.palette import CATEGORIES
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.report.zoom.evidence import ZoomEvidence

LARGEST_MAP_PX = 480
DETAIL_PX = 40
"""Side of the detail, in pixels of the result."""


@dataclass(frozen=True, eq=False)
class Provenance:
    """Maps of the frame that gave most to each pixel of the result.

    Attributes:
        whole: int64 [h, w]: 0 the reference, 1 to ``len(named)`` the frames of that list, then all
            others. Each place shows one pixel of the result, drawn at random from its cell.
        detail: int64 [DETAIL_PX, DETAIL_PX] or smaller, every pixel of ``box``.
        box: the part of the result that the detail shows.
        named: the frames with the largest shares beside the reference, by index.
        shares: part of the pixels of ``whole`` that each frame gave most to, by index.
    """

    whole: Tensor
    detail: Tensor
    box: Rectangle
    named: tuple[int, ...]
    shares: dict[int, float]


def provenance(evidence: ZoomEvidence, center: tuple[int, int], seed: int = 0) -> Provenance | None:
    """Which frame gave most to each pixel.

    The weight of frame k at a pixel q of the result is that of the regression, summed over the
    frame's samples s around the point m_k(q) where it shows the same thing:

        w_k(q) = b_k · agreement_k(q) · Σ_s exp(−|s − m_k(q)|² / 2σ²),

    with b_k the weight of the reference or 1, and σ the width of an isotropic kernel. The merge's
    own kernel is that away from edges, and longer along them.

    Args:
        evidence: the zoom; the reference has a motion, at rest.
        center: row and column of the result about which the detail lies.
        seed: of the places that the map of the whole picture shows.

    Returns:
        ``None`` if motion or agreement of every frame beside the reference is missing.
    """
    known = [
        index
        for index in evidence.others
        if evidence.frames[index].motion is not None
        and evidence.frames[index].agreement is not None
    ]
    if not known:
        return None
    order = [evidence.reference, *known]
    whole = _winners(evidence, order, _drawn(evidence.after, seed))
    counts = torch.bincount(whole.flatten(), minlength=len(order)).tolist()
    ranked = sorted(range(1, len(order)), key=lambda place: -counts[place])
    named = ranked[: len(CATEGORIES)]
    colors = torch.full((len(order),), len(named) + 1)
    colors[0] = 0
    colors[torch.tensor(named)] = torch.arange(1, len(named) + 1)
    box = _box_about(center, evidence.after)
    rows = torch.arange(box.top, box.top + box.height).double()
    columns = torch.arange(box.left, box.left + box.width).double()
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    return Provenance(
        colors[whole],
        colors[_winners(evidence, order, grid)],
        box,
        tuple(order[place] for place in named),
        {index: count / whole.numel() for index, count in zip(order, counts, strict=True)},
    )


def _winners(evidence: ZoomEvidence, order: list[int], pixels: Tensor) -> Tensor:
    """Place in ``order`` of the frame with the largest weight at each pixel, int64 [h, w].

    Args:
        evidence: the zoom.
        order: indices of frames, the reference first.
        pixels: float64 [h, w, 2], column and row of pixels of the result.
    """
    corner = pixels.new_tensor([evidence.corner[1], evidence.corner[0]])
    fine = pixels.new_tensor(evidence.after.shape[:0:-1])
    inside = (pixels + 0.5) * (pixels.new_tensor(evidence.before.shape[:0:-1]) / fine)
    best = torch.full(pixels.shape[:2], -1.0, dtype=torch.float64)
    winner = torch.zeros(pixels.shape[:2], dtype=torch.int64)
    for place, index in enumerate(order):
        frame = evidence.frames[index]
        motion = frame.motion
        assert motion is not None
        size = pixels.new_tensor([motion.width, motion.height])
        places = motion.at(inside + corner - size / 2) + (size - 1) / 2
        weight = _nearness(places, size, evidence.kernel_std_px)
        if index == evidence.reference:
            weight = weight * evidence.reference_weight
        elif frame.agreement is not None:
            weight = weight * _at(frame.agreement, inside, cell_px(frame.agreement, evidence))
        winner = torch.where(weight > best, place, winner)
        best = torch.maximum(best, weight)
    return winner


def _nearness(places: Tensor, size: Tensor, std_px: float) -> Tensor:
    """Sum of the kernel over the samples around each place; 0 beyond the frame's border."""
    nearest = places.round()
    weight = torch.ones(places.shape[:-1], dtype=places.dtype)
    for axis in range(2):
        distances = [places[..., axis] - nearest[..., axis] - step for step in (-1, 0, 1)]
        weight = weight * sum(torch.exp(-0.5 * (each / std_px) ** 2) for each in distances)
    shown = ((nearest >= 0) & (nearest < size)).all(-1)
    return weight * shown


def cell_px(agreement: Tensor, evidence: ZoomEvidence) -> int:
    """Side of the squares that a map of agreement is the mean over, in pixels of a frame."""
    return math.ceil(evidence.before.shape[-1] / agreement.shape[-1])


def _at(grid: Tensor, inside: Tensor, cell: int) -> Tensor:
    """Values of a map at points that are counted in pixels from its corner."""
    extent = cell * inside.new_tensor(grid.shape[::-1])
    values = functional.grid_sample(
        grid[None, None].to(inside.dtype),
        (2 * inside / extent - 1)[None],
        padding_mode="border",
        align_corners=False,
    )
    return values[0, 0]


def _drawn(result: Tensor, seed: int) -> Tensor:
    """One pixel of the result from each cell of the map, float64 [h, w, 2]."""
    height, width = result.shape[-2:]
    shrink = min(1.0, LARGEST_MAP_PX / max(height, width))
    rows, columns = (max(1, math.floor(side * shrink)) for side in (height, width))
    generator = torch.Generator().manual_seed(seed)
    jitter = torch.rand(rows, columns, 2, dtype=torch.float64, generator=generator)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cells = torch.stack((x, y), -1).double() + jitter
    scale = torch.tensor([width / columns, height / rows], dtype=torch.float64)
    last = torch.tensor([width - 1, height - 1], dtype=torch.float64)
    return torch.minimum((cells * scale).floor(), last)


def _box_about(center: tuple[int, int], result: Tensor) -> Rectangle:
    sides = [min(DETAIL_PX, side) for side in result.shape[-2:]]
    starts = [
        min(max(middle - side // 2, 0), whole - side)
        for middle, side, whole in zip(center, sides, result.shape[-2:], strict=True)
    ]
    return Rectangle(top=starts[0], left=starts[1], height=sides[0], width=sides[1])
