"""Burst zoom training: from the features of simulated bursts to their truths."""

from __future__ import annotations

from torch import Tensor

from edge_sdk.imaging import psnr, quantize, resize_bicubic
from edge_sdk.training.tasks.task import EnhanceTask


class BurstZoomTask(EnhanceTask):
    """Inputs are what ``blend`` returns, targets the truths seen from the reference.

    Convolutions pad a training patch with zeros where a tile has its halo: the error is measured
    without that margin, and so is PSNR. The baseline is bicubic enlargement of the reference.

    A target is NaN where it does not count, as under a mask of ghosts. Loss and PSNR are means over
    what is a number: in a batch every number weighs the same, a patch without any adds nothing, and
    a batch without any has the loss 0 and no gradient. With several processes each takes the mean
    of its own batch. The same places are left out where a teacher is followed.
    """

    @property
    def border_px(self) -> int:
        """The reach of the network, at the size of the output."""
        spec = self.network.spec
        return spec.scale * spec.halo_px

    def baseline(self, source: Tensor) -> Tensor:
        """Bicubic interpolation of the reference, three of the features."""
        scale = self.network.spec.scale
        first = 3 * scale**2 + 3  # Behind the merged colors and the mean.
        height, width = source.shape[-2:]
        reference = source[:, first : first + 3]
        return resize_bicubic(reference, size=(scale * height, scale * width))

    def picture_psnr(self, output: Tensor, target: Tensor) -> float:
        """PSNR in dB where the target [1, 3, H, W] is a number, without the border; one must be."""
        known = ~self._inner(target).isnan()
        shown = quantize(self._inner(output))
        return psnr(shown[known][None], self._inner(target)[known][None])

    def compared(self, error: Tensor, target: Tensor) -> Tensor:
        """Float32 [n]: without the margin, where the target is a number."""
        return self._inner(error)[~self._inner(target).isnan()]

    def _inner(self, image: Tensor) -> Tensor:
        margin = self.border_px
        return image[..., margin:-margin, margin:-margin]
