"""Keys of files that have had another name: what an earlier version wrote, and what it is now."""

from __future__ import annotations

from typing import Any

RENAMED = {
    "colour": "color",
    "fake_quantised_steps": "fake_quantized_steps",
    "optimiser": "optimizer",
    "quantisation": "quantization",
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
