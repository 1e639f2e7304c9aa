"""Burst zoom: many hand-held frames become one larger, cleaner picture."""

from edge_sdk.burst.reference import ReferenceChoice, choose_reference, gradient_score
from edge_sdk.burst.zoom import FrameReport, ZoomConfig, ZoomResult, enlarge_single, zoom

__all__ = [
    "FrameReport",
    "ReferenceChoice",
    "ZoomConfig",
    "ZoomResult",
    "choose_reference",
    "enlarge_single",
    "gradient_score",
    "zoom",
]
