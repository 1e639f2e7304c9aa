"""Denoising training: from noisy patches to the clean ones."""

from __future__ import annotations

from edge_sdk.training.tasks.task import EnhanceTask


class DenoisingTask(EnhanceTask):
    """Inputs are pictures with Gaussian noise of any strength, which the network is not given.

    The baseline is the noisy picture itself, clipped and rounded as every result is; PSNR is that
    of all channels and leaves no border out.
    """
