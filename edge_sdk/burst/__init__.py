"""Burst zoom: many hand-held frames become one larger, cleaner picture."""

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.frames.source import FrameSource, Spool, TensorSource, spooling
from edge_sdk.burst.pipeline import enlarge_single, zoom, zoom_into
from edge_sdk.burst.reference.choice import ReferenceChoice, choose_reference, gradient_score
from edge_sdk.burst.result import FrameReport, ZoomResult
from edge_sdk.imaging.rectangle import Rectangle

__all__ = [
    "FrameReport",
    "FrameSource",
    "Rectangle",
    "ReferenceChoice",
    "Spool",
    "TensorSource",
    "ZoomConfig",
    "ZoomResult",
    "choose_reference",
    "enlarge_single",
    "gradient_score",
    "spooling",
    "zoom",
    "zoom_into",
]
