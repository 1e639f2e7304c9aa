"""Quality on folders of pictures by the protocol of the super-resolution and denoising papers."""

from edge_sdk.emulate.whole_pictures import ArtifactMethod, Method, ModelMethod
from edge_sdk.evaluation.protocol import (
    Degradation,
    Example,
    Score,
    bicubic,
    degraded,
    luma_of,
    score,
)
from edge_sdk.evaluation.table import FolderScore, MethodScores, PictureScore, evaluate

__all__ = [
    "ArtifactMethod",
    "Degradation",
    "Example",
    "FolderScore",
    "Method",
    "MethodScores",
    "ModelMethod",
    "PictureScore",
    "Score",
    "bicubic",
    "degraded",
    "evaluate",
    "luma_of",
    "score",
]
