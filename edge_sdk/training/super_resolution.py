"""Super-resolution training: from low-resolution patches to the high-resolution ones."""

from __future__ import annotations

from edge_sdk.training.task import EnhanceTask


class SuperResolutionTask(EnhanceTask):
    """Inputs are reduced pictures, targets the pictures; PSNR leaves out ``scale`` pixels."""

    @property
    def border_px(self) -> int:
        """One input pixel, as the literature does."""
        return self.config.model.scale
