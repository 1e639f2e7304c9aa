"""Burst zoom training: from the features of simulated bursts to their truths."""

from __future__ import annotations

from torch import Tensor

from edge_sdk.imaging import resize_bicubic
from edge_sdk.models.spec import burst_channels
from edge_sdk.training.task import EnhanceTask


class BurstZoomTask(EnhanceTask):
    """Inputs are what ``blend`` returns, targets the truths seen from the reference.

    Convolutions pad a training patch with zeros where a tile has its halo: the error is measured
    without that margin, and so is PSNR. The baseline is bicubic enlargement of the reference.
    """

    @property
    def border_px(self) -> int:
        """The reach of the network, at the size of the output."""
        spec = self.network.spec
        return spec.scale * spec.halo_px

    def baseline(self, source: Tensor) -> Tensor:
        """Bicubic interpolation of the reference, three of the features."""
        scale = self.network.spec.scale
        first = burst_channels(scale) - scale**2 - 4
        height, width = source.shape[-2:]
        reference = source[:, first : first + 3]
        return resize_bicubic(reference, size=(scale * height, scale * width))

    def compared(self, error: Tensor) -> Tensor:
        """Without the margin."""
        margin = self.border_px
        return error[..., margin:-margin, margin:-margin]
