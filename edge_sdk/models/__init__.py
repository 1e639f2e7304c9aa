"""Architectures, each with the spec that tilers, converters and runners rely on."""

from edge_sdk.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from edge_sdk.models.enhance_net import EnhanceNet, EnhanceNetConfig
from edge_sdk.models.picture import enhance_picture
from edge_sdk.models.spec import Color, ModelSpec, Task

__all__ = [
    "Checkpoint",
    "Color",
    "EnhanceNet",
    "EnhanceNetConfig",
    "ModelSpec",
    "Task",
    "enhance_picture",
    "load_checkpoint",
    "save_checkpoint",
]
