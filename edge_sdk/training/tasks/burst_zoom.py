"""Burst zoom training: from the features of simulated bursts to their truths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.errors import InputError
from edge_sdk.imaging import psnr, quantize, resize_bicubic
from edge_sdk.imaging.margins import inner
from edge_sdk.models.spec import Task
from edge_sdk.progress import Progress
from edge_sdk.training.recipe.tasks import TASKS, Batch
from edge_sdk.training.tasks.pictures import PictureTask

if TYPE_CHECKING:
    from edge_sdk.training.inputs.burst_store import BurstSet
    from edge_sdk.training.inputs.pair_store import PairScenes
    from edge_sdk.training.recipe.sections import PictureSource


class BurstZoomTask(PictureTask):
    """Inputs are what ``blend`` returns, targets the truths seen from the reference.

    Convolutions pad a training patch with zeros where a tile has its halo: the error is measured
    without that margin, and so is PSNR. The baseline is bicubic enlargement of the reference.

    A target is NaN where it does not count, as under a mask of ghosts. Loss and PSNR are means over
    what is a number: in a batch every number weighs the same, a patch without any adds nothing, and
    a batch without any has the loss 0 and no gradient. With several processes each takes the mean
    of its own batch. The same places are left out where a teacher is followed.
    """

    needs = ("bursts", "pairs")
    missing = (
        "a network for burst zoom needs bursts to learn from; give bursts: {count: 1000}, or "
        "pairs: {train: SET}"
    )
    baseline_label = "bicubic"
    baseline_name = "bicubic interpolation"

    def check(self) -> None:
        """Refuse patches in which no error would be measured."""
        least_px = 2 * self.spec.halo_px + 1
        if self.data.patch_px < least_px:
            raise InputError(
                f"data.patch_px: {self.data.patch_px} px are no more than twice the network's "
                f"halo, in which no error is measured; give {least_px} or more"
            )

    def training_set(
        self, length: int, rank: int = 0, on_progress: Progress | None = None
    ) -> Dataset[Batch]:
        """Patches of features, which are computed first and kept."""
        from edge_sdk.training.inputs.feature_files import FeaturePatches

        data = self.data
        zooms = self._bursts(data.train) if data.pairs is None else self._pairs()[0]
        files = zooms.prepare(rank, on_progress)
        return FeaturePatches(files, data.patch_px, length, self.seed)

    def validation_set(self) -> Dataset[Batch]:
        """Features of whole bursts or scenes."""
        from edge_sdk.training.inputs.burst_store import validation_pairs
        from edge_sdk.training.inputs.feature_files import WholeFeatures
        from edge_sdk.training.inputs.picture_samples import InMemory

        if self.data.pairs is not None:
            return WholeFeatures(self._pairs()[1].prepare(0))
        return InMemory(validation_pairs(self._bursts(self.data.validation)))

    @property
    def border_px(self) -> int:
        """The reach of the network, at the size of the output."""
        return self.spec.scale * self.spec.halo_px

    def baseline(self, source: Tensor) -> Tensor:
        """Bicubic interpolation of the reference, three of the features."""
        scale = self.spec.scale
        first = 3 * scale**2 + 3  # Behind the merged colors and the mean.
        height, width = source.shape[-2:]
        reference = source[:, first : first + 3]
        return resize_bicubic(reference, size=(scale * height, scale * width))

    def score(self, output: Tensor, target: Tensor) -> float:
        """PSNR in dB where the target [1, 3, H, W] is a number, without the border; one must be."""
        known = ~self._inner(target).isnan()
        shown = quantize(self._inner(output))
        return psnr(shown[known][None], self._inner(target)[known][None])

    def compared(self, error: Tensor, target: Tensor) -> Tensor:
        """Float32 [n]: without the margin, where the target is a number."""
        return self._inner(error)[~self._inner(target).isnan()]

    def _inner(self, image: Tensor) -> Tensor:
        return inner(image, self.border_px)

    def _bursts(self, source: PictureSource | None) -> BurstSet:
        from edge_sdk.training.inputs.burst_store import BurstSet
        from edge_sdk.training.inputs.picture_samples import picture_paths

        data = self.data
        assert data.bursts is not None
        paths = tuple(picture_paths(source))
        return BurstSet(paths, data.resize_factors, data.bursts, self.spec.scale, self.seed)

    def _pairs(self) -> tuple[PairScenes, PairScenes]:
        from edge_sdk.training.inputs.pair_store import split_scenes

        data, spec = self.data, self.spec
        assert data.pairs is not None
        return split_scenes(data.pairs, spec.scale, data.patch_px, spec.halo_px)


TASKS.register(Task.BURST_ZOOM, BurstZoomTask)
