"""Quantization: what a model will lose in int8 and where, and the int8 model itself."""

from edge_sdk.quantization.activations import ValueRange
from edge_sdk.quantization.insertion import is_quantized
from edge_sdk.quantization.observers import OBSERVERS, Observer
from edge_sdk.quantization.post_training import Quantized, apply_scheme, quantize, quantize_weights
from edge_sdk.quantization.ranges import (
    Inflation,
    LayerRanges,
    RangeReport,
    lint_ranges,
)
from edge_sdk.quantization.scheme import Affine, Scheme, scheme_from_json
from edge_sdk.quantization.sensitivity import LayerCost, agreement_db, layer_costs, meet_budget
from edge_sdk.quantization.tuning import TuningConfig, tune

__all__ = [
    "OBSERVERS",
    "Affine",
    "Inflation",
    "LayerCost",
    "LayerRanges",
    "Observer",
    "Quantized",
    "RangeReport",
    "Scheme",
    "TuningConfig",
    "ValueRange",
    "agreement_db",
    "apply_scheme",
    "is_quantized",
    "layer_costs",
    "lint_ranges",
    "meet_budget",
    "quantize",
    "quantize_weights",
    "scheme_from_json",
    "tune",
]
