"""The section of a report on ranges: what int8 keeps of every layer."""

from __future__ import annotations

from markupsafe import Markup

from edge_sdk.figures import decibels, interval
from edge_sdk.html.charts import level
from edge_sdk.html.markup import element
from edge_sdk.html.page import Section, notes, paragraph, table
from edge_sdk.quantization import Inflation, LayerRanges, RangeReport
from edge_sdk.quantization.ranges import INFLATION_WARNING, SQNR_WARNING_DB

TOP_DB = 60.0
"""Full length of a bar, about ten bits."""


def range_section(ranges: RangeReport | None, source: str) -> Section:
    """Warnings and the table of all layers, before fusing; or why there are none."""
    title = "Ranges in int8"
    if ranges is None:
        return Section(title, (paragraph(f"Not measured: {source}."),))
    warnings = ranges.warnings
    content = [
        paragraph(
            f"What int8 would keep of each layer before fusing, measured on {source}. A block "
            "counts as the one convolution that it merges into."
        ),
        notes(warnings) if warnings else paragraph("No layer is under a threshold."),
        table(
            (
                "layer",
                "weights",
                "activations",
                "int8 keeps of weights",
                "of activations",
                "widest branch",
            ),
            [_row(layer) for layer in ranges.layers],
        ),
        paragraph(
            f"Bars: signal to quantization noise, 0 to {TOP_DB:.0f} dB, 6 dB per bit; the mark is "
            f"the warning at {SQNR_WARNING_DB:.0f} dB.",
            soft=True,
        ),
    ]
    return Section(title, tuple(content))


def _row(layer: LayerRanges) -> tuple[str, ...]:
    low = min(channel.low for channel in layer.weights)
    high = max(channel.high for channel in layer.weights)
    output_range = layer.activations
    inflation = layer.inflation
    return (
        element("code", layer.name),
        interval(low, high),
        interval(output_range.low, output_range.high) if output_range else "not reached",
        _level(layer.weight_sqnr_db),
        _level(layer.activation_sqnr_db),
        _branch(inflation) if inflation else "—",
    )


def _branch(inflation: Inflation) -> Markup:
    warned = inflation.factor >= INFLATION_WARNING
    return element(
        "span",
        f"{inflation.branch.rpartition('branches.')[2]} ({inflation.factor:.1f}×)",
        class_="warned" if warned else None,
    )


def _level(value: float | None) -> Markup:
    return level(value, decibels(value), top=TOP_DB, threshold=SQNR_WARNING_DB)
