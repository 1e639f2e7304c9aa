"""Super-resolution training: from low-resolution patches to the high-resolution ones."""

from __future__ import annotations

from torch import Tensor

from edge_sdk.imaging import resize_bicubic
from edge_sdk.models.spec import Task
from edge_sdk.training.recipe.tasks import TASKS
from edge_sdk.training.tasks.pictures import PictureTask


class SuperResolutionTask(PictureTask):
    """Inputs are reduced pictures, targets the pictures; PSNR leaves out ``scale`` pixels."""

    takes = ("camera", "degradation")
    baseline_label = "bicubic"
    baseline_name = "bicubic interpolation"

    @property
    def border_px(self) -> int:
        """One input pixel, as the literature does."""
        return self.spec.scale

    def baseline(self, source: Tensor) -> Tensor:
        """Bicubic interpolation."""
        scale = self.spec.scale
        height, width = source.shape[-2:]
        return resize_bicubic(source, size=(scale * height, scale * width))


TASKS.register(Task.SUPER_RESOLUTION, SuperResolutionTask)
