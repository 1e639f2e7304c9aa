"""The curves of a training run as one SVG picture: loss and validation PSNR over steps."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from edge_sdk.html.markup import element, join

WIDTH_PX, PANEL_PX, GAP_PX = 720, 190, 34
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 64, 20, 30, 30
_STYLE = Markup(
    "text{font:12px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}.line{fill:none;"
    "stroke-width:1.5}.loss{stroke:#0072b2}.psnr{stroke:#d55e00}.dot{fill:#d55e00}"
    ".base{stroke:#777;stroke-dasharray:4 3}"
)

Point = tuple[float, float]


@dataclass(frozen=True)
class Curves:
    """What a run logged.

    Attributes:
        loss: steps taken and loss.
        psnr: steps taken and validation PSNR in dB, or another score.
        validation_loss: steps taken and loss of validations, where they measure it.
    """

    loss: tuple[Point, ...]
    psnr: tuple[Point, ...]
    validation_loss: tuple[Point, ...] = ()


def read_curves(metrics: Path, score: str = "psnr") -> Curves:
    """Curves of a run from its ``metrics.csv``; values that are not finite are left out.

    Args:
        metrics: the file.
        score: name of the column of the validation score.
    """
    names = ("loss", score, "validation_loss")
    found: dict[str, list[Point]] = {name: [] for name in names}
    with metrics.open(newline="") as file:
        for row in csv.DictReader(file):
            for name, points in found.items():
                value = row.get(name)
                if value and math.isfinite(float(value)):
                    # A row is numbered by the step that it belongs to, counted from 0.
                    points.append((int(row["step"]) + 1, float(value)))
    return Curves(*(tuple(sorted(found[name])) for name in names))


def draw_curves(
    curves: Curves,
    steps: int,
    baseline_db: float | None = None,
    title: str = "validation PSNR, dB",
) -> Markup:
    """Two panels, loss (logarithmic) above PSNR, on one axis of steps.

    The loss of validations, where there is any, is a dashed line beside that of the steps.

    Args:
        curves: what was logged.
        steps: of the recipe, the end of the axis.
        baseline_db: PSNR of the method to beat, drawn as a dashed line.
        title: what the lower panel shows.

    Returns:
        A whole SVG file.
    """
    loss, validation = (
        [(step, math.log10(value)) for step, value in points if value > 0]
        for points in (curves.loss, curves.validation_loss)
    )
    psnr = list(curves.psnr)
    base = [] if baseline_db is None else [(0.0, baseline_db), (float(steps), baseline_db)]
    lower = TOP_PX + PANEL_PX + GAP_PX
    parts = [
        element("style", _STYLE),
        element("rect", width="100%", height="100%", fill="#fff"),
        _panel(
            "loss (logarithmic)", loss, steps, TOP_PX, "loss", validation, lambda v: f"{10**v:.3g}"
        ),
        _panel(title, psnr, steps, lower, "psnr", base, lambda v: f"{v:.2f}"),
    ]
    height = lower + PANEL_PX + BOTTOM_PX
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _x(share * steps, steps)
        label = f"{round(share * steps):,}"
        parts.append(element("text", label, x=x, y=height - 10, text_anchor="middle"))
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH_PX} {height}",
        width=WIDTH_PX,
        height=height,
        role="img",
        aria_label=f"loss and {title} over steps",
    )


def _panel(
    title: str,
    points: Sequence[Point],
    steps: int,
    top: int,
    kind: str,
    base: Sequence[Point],
    label: Callable[[float], str],
) -> Markup:
    values = [value for _, value in (*points, *base)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5
    low, high = low - margin, high + margin

    def at(point: Point) -> str:
        y = top + PANEL_PX * (high - point[1]) / (high - low)
        return f"{_x(point[0], steps):.1f},{y:.1f}"

    parts = [element("text", title, x=LEFT_PX, y=top - 8)]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = top + PANEL_PX * share
        value = high - share * (high - low)
        parts.append(element("line", x1=LEFT_PX, x2=WIDTH_PX - RIGHT_PX, y1=y, y2=y, class_="grid"))
        parts.append(
            element("text", label(value), x=LEFT_PX - 6, y=y + 4, text_anchor="end"),
        )
    if base:
        parts.append(element("polyline", points=" ".join(map(at, base)), class_="line base"))
    if points:
        parts.append(element("polyline", points=" ".join(map(at, points)), class_=f"line {kind}"))
    if kind == "psnr":
        for point in points:
            across, down = at(point).split(",")
            tooltip = element("title", f"{point[0]:,.0f} steps: {point[1]:.2f} dB")
            parts.append(element("circle", tooltip, cx=across, cy=down, r=2.5, class_="dot"))
    return join(parts)


def _x(step: float, steps: int) -> float:
    return LEFT_PX + (WIDTH_PX - LEFT_PX - RIGHT_PX) * step / max(steps, 1)
