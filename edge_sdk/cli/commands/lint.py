"""Command ``lint``: ranges of every layer and what int8 keeps of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import err, out, print_json, print_table
from edge_sdk.cli.shared.model_argument import (
    MODEL_HELP,
    Inputs,
    Mean,
    ModelArguments,
    Std,
    Weights,
    load_named,
)
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.quantization import LayerRanges

PICTURES_HELP = "Pictures to measure ranges on, a folder (default: noise, or the own example)."


def lint(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    pictures: Annotated[Path | None, typer.Option(help=PICTURES_HELP)] = None,
    inputs: Inputs = None,
    arguments: ModelArguments = None,
    weights: Weights = None,
    mean: Mean = None,
    std: Std = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the ranges as JSON.")] = False,
) -> None:
    """Measure what int8 would keep of every layer, and which branch inflates its range.

    A multi-branch block counts as the one convolution that it merges into. Columns
    "keep" are ratios of signal to quantization noise: 6 dB per bit that carries the values. The
    branch is the one that widens the range most, by that factor, where it is 1.5 or more.

    Example: edge-sdk lint sr_x2_y --pictures photos
    """
    from edge_sdk.deploy.lint import lint_loaded

    if model is None:
        raise InputError("no model given; name one: edge-sdk lint MODEL --pictures DIR")
    found = lint_loaded(load_named(model, inputs, arguments, weights, mean, std), pictures)
    if as_json:
        print_json(
            {
                "measured_on": found.source,
                "warnings": found.ranges.warnings,
                "layers": found.ranges.layers,
            }
        )
        return
    columns = ("layer", "weights", "activations", "keep w", "keep a", "branch")
    rows = [_row(layer) for layer in found.ranges.layers]
    print_table("Ranges in int8", columns, rows, whole=range(1, 5))
    out.print("keep w, keep a: what int8 keeps of weights and of activations", style="dim")
    out.print(f"measured on {found.source}")
    for warning in found.ranges.warnings:
        err.print(f"warning: {warning}")
    if not found.ranges.warnings:
        out.print("no layer is under a threshold")


def _row(layer: LayerRanges) -> tuple[str, ...]:
    from edge_sdk.figures import decibels, interval
    from edge_sdk.quantization.ranges import MIN_WIDENING

    weights = interval(
        min(channel.low for channel in layer.weights),
        max(channel.high for channel in layer.weights),
    )
    output_range, inflation = layer.activations, layer.inflation
    if inflation is not None and inflation.factor < MIN_WIDENING:
        inflation = None
    return (
        layer.name,
        weights,
        interval(output_range.low, output_range.high) if output_range else "not reached",
        decibels(layer.weight_sqnr_db),
        decibels(layer.activation_sqnr_db),
        f"{inflation.branch.rpartition('.')[2]} ({inflation.factor:.1f}×)" if inflation else "—",
    )
