"""Denoising training: from noisy patches to the clean ones."""

from __future__ import annotations

from edge_sdk.models.spec import Task
from edge_sdk.training.recipe.tasks import TASKS
from edge_sdk.training.tasks.pictures import PictureTask


class DenoisingTask(PictureTask):
    """Inputs are pictures with Gaussian noise of any strength, which the network is not given.

    The baseline is the noisy picture itself, clipped and rounded as every result is; PSNR is that
    of all channels and leaves no border out.
    """

    needs = ("noise", "camera")
    missing = (
        "a denoising network needs noise to remove; give noise: {sigma: [0, 50]}, or a camera: {}"
    )
    baseline_label = "noisy"
    baseline_name = "the noisy pictures"


TASKS.register(Task.DENOISING, DenoisingTask)
