"""Quantisation: what a model will lose in int8, and where."""

from edge_sdk.quantize.activations import ValueRange
from edge_sdk.quantize.ranges import (
    Inflation,
    LayerRanges,
    RangeReport,
    lint_ranges,
)

__all__ = ["Inflation", "LayerRanges", "RangeReport", "ValueRange", "lint_ranges"]
