"""Small drawings of what was merged: branches of a sum, or a bundle of layers, into one kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from torch import nn

from edge_sdk.html.markup import element
from edge_sdk.reparam import (
    FixedBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    PoolBranchConfig,
    Region,
)
from edge_sdk.reparam.blocks.configs import BranchConfig, normalized_steps

ROW_PX = 30
CHIP_PX = 22
WIDTH_PX = 312
CHIPS_FROM, CHIPS_TO = 44, 212
MAX_ROWS = 12
NORM = "BN"


@dataclass(frozen=True)
class Picture:
    """What a drawing shows.

    Attributes:
        rows: labels of the steps of each branch, or of a bundle of layers, line by line.
        kernel: height and width of the merged kernel.
        parallel: whether the rows are branches of a sum.
    """

    rows: tuple[tuple[str, ...], ...]
    kernel: tuple[int, int]
    parallel: bool


def picture_of(region: Region, network: nn.Module) -> Picture:
    """Drawing of a region, by the modules of the network before fusing."""
    modules = dict(network.named_modules(remove_duplicate=False))
    block = modules.get(region.name)
    if isinstance(block, MultiBranchConv2d) and _is_of(region, region.name):
        branches = {int(member.rpartition(".")[2]) for member in region.members}
        rows = tuple(
            _labels(config)
            for index, config in enumerate(block.configs)
            if not branches or index in branches
        )
        return Picture(rows, region.kernel, parallel=True)
    labels = tuple(_layer_label(modules.get(member), member) for member in region.members)
    return Picture(_lines(labels), region.kernel, parallel=False)


def drawing(picture: Picture) -> Markup:
    """The picture as SVG, 312 px wide."""
    rows = picture.rows[:MAX_ROWS]
    if len(picture.rows) > MAX_ROWS:
        rows = (*rows[:-1], (f"… {len(picture.rows) - MAX_ROWS + 1} more",))
    height = max(len(rows), 1) * ROW_PX + 8
    middle = height / 2
    parts: list[Markup] = []
    for index, row in enumerate(rows):
        y = 4 + ROW_PX * (index + 0.5)
        parts += _branch(row, y, middle) if picture.parallel else []
        parts += _chips(row, y)
    if picture.parallel:
        parts.append(element("circle", cx=10, cy=middle, r=4, class_="node"))
        parts.append(element("circle", cx=232, cy=middle, r=9, class_="node"))
        parts.append(element("text", "+", x=232, y=middle + 4, text_anchor="middle"))
    else:
        frame = element(
            "rect",
            x=CHIPS_FROM - 8,
            y=2,
            width=CHIPS_TO - CHIPS_FROM + 16,
            height=height - 4,
            rx=8,
            class_="bundle",
        )
        parts = [
            element("path", d=f"M4 {middle:g}H36M220 {middle:g}H242", class_="wire"),
            frame,
            *parts,
        ]
    kernel = "{}×{}".format(*picture.kernel)
    parts.append(element("path", d=f"M241 {middle:g}H256", class_="wire"))
    parts.append(
        element("rect", x=256, y=middle - 13, width=52, height=26, rx=6, class_="chip-result")
    )
    parts.append(
        element("text", kernel, x=282, y=middle + 4, text_anchor="middle", class_="on-result")
    )
    what = "branches" if picture.parallel else "lines of layers"
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH_PX} {height:g}",
        width=WIDTH_PX,
        height=f"{height:g}",
        role="img",
        aria_label=f"{len(picture.rows)} {what} become one {kernel} kernel",
    )


def _branch(row: Sequence[str], y: float, middle: float) -> list[Markup]:
    path = (
        f"M14 {middle:g}C32 {middle:g} 26 {y:g} {CHIPS_FROM} {y:g}H{CHIPS_TO - 4}"
        f"C222 {y:g} 214 {middle:g} 223 {middle:g}"
    )
    return [element("path", d=path, class_="wire")]


def _chips(row: Sequence[str], y: float) -> list[Markup]:
    parts = []
    x = float(CHIPS_FROM)
    for index, label in enumerate(row):
        width = _width(label)
        if x + width > CHIPS_TO and index:
            parts.append(element("text", "…", x=CHIPS_TO - 8, y=y + 4))
            break
        kind = "chip chip-norm" if label == NORM else "chip"
        parts.append(
            element("rect", x=x, y=y - CHIP_PX / 2, width=width, height=CHIP_PX, rx=5, class_=kind)
        )
        parts.append(element("text", label, x=x + width / 2, y=y + 4, text_anchor="middle"))
        x += width + 5
    return parts


def _width(label: str) -> float:
    return 7.0 * len(label) + 12


def _lines(labels: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Labels broken into lines that fit."""
    lines: list[list[str]] = [[]]
    used = 0.0
    for label in labels:
        if lines[-1] and used + _width(label) > CHIPS_TO - CHIPS_FROM:
            lines.append([])
            used = 0.0
        lines[-1].append(label)
        used += _width(label) + 5
    return tuple(tuple(line) for line in lines)


def _is_of(region: Region, block: str) -> bool:
    prefix = f"{block}.branches." if block else "branches."
    return all(member.startswith(prefix) for member in region.members)


def _labels(config: BranchConfig) -> tuple[str, ...]:
    if isinstance(config, IdentityBranchConfig):
        steps = ["identity"]
    elif isinstance(config, PoolBranchConfig):
        steps = ["1×1", "mean {}×{}".format(*config.kernel)]
    elif isinstance(config, FixedBranchConfig):
        return ("1×1", config.filter.replace("_", " "), "scale")
    else:
        steps = ["{}×{}".format(*step) for step in config.steps]
    normalized = normalized_steps(config.batch_norm, len(steps))
    labels: list[str] = []
    for step, norm in zip(steps, normalized, strict=True):
        labels += [step, NORM] if norm else [step]
    return tuple(labels)


def _layer_label(module: nn.Module | None, name: str) -> str:
    if isinstance(module, nn.Conv2d | MultiBranchConv2d):
        size = module.kernel if isinstance(module, MultiBranchConv2d) else module.kernel_size
        return "{}×{}".format(*size)
    if isinstance(module, nn.BatchNorm2d):
        return NORM
    if isinstance(module, nn.Identity):
        return "identity"
    return name.rpartition(".")[2] if module is None else type(module).__name__
