"""Keys of recipes and files that have had another name: what it was, and what it is now."""

from __future__ import annotations

from typing import Any

RENAMED = {
    "average_decay": "ema_decay",
    "colour": "color",
    "fake_quantised_steps": "fake_quantized_steps",
    "follow_init": "distill",
    "mover_share": "moving_object_share",
    "near_share": "near_layer_share",
    "optimiser": "optimizer",
    "quantisation": "quantization",
    "sensor_share": "sensor_noise_share",
    "shrinks": "resize_factors",
    "walk_share": "rolling_shutter_share",
}
"""Keys by the name that they had."""


def with_current_names(value: Any) -> Any:
    """A JSON value whose keys, at any depth, have the names that they have now.

    Example:
        >>> from edge_sdk.renamed import with_current_names
        >>> with_current_names({"model": {"colour": "y"}})
        {'model': {'color': 'y'}}
    """
    if isinstance(value, dict):
        return {RENAMED.get(key, key): with_current_names(part) for key, part in value.items()}
    if isinstance(value, list):
        return [with_current_names(part) for part in value]
    return value
