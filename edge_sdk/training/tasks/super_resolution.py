"""Super-resolution training: from low-resolution patches to the high-resolution ones."""

from __future__ import annotations

from torch import Tensor

from edge_sdk.imaging import resize_bicubic
from edge_sdk.training.tasks.task import EnhanceTask


class SuperResolutionTask(EnhanceTask):
    """Inputs are reduced pictures, targets the pictures; PSNR leaves out ``scale`` pixels."""

    @property
    def border_px(self) -> int:
        """One input pixel, as the literature does."""
        return self.config.model.scale

    def baseline(self, source: Tensor) -> Tensor:
        """Bicubic interpolation."""
        scale = self.config.model.scale
        height, width = source.shape[-2:]
        return resize_bicubic(source, size=(scale * height, scale * width))
