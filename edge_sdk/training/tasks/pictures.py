"""What tasks for pictures share: samples cut from pictures, L1 or L2 error, PSNR."""

from __future__ import annotations

from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.errors import InputError
from edge_sdk.imaging import psnr, quantize
from edge_sdk.models.spec import ModelSpec, PictureSpec
from edge_sdk.progress import Progress
from edge_sdk.training.recipe.sections import DataConfig
from edge_sdk.training.recipe.tasks import Batch, TrainingTask


class PictureTask(TrainingTask):
    """Trains what makes pictures, by mean absolute, at last squared, error.

    The score is PSNR of whole pictures with the output rounded to 8 bits and a border of
    :attr:`border_px` pixels left out.

    Raises:
        InputError: if the network makes no pictures.
    """

    spec: PictureSpec

    def __init__(self, spec: ModelSpec, data: DataConfig, seed: int) -> None:
        if not isinstance(spec, PictureSpec):
            raise InputError(
                f"task {spec.task} is for networks that make pictures, and {spec.architecture} "
                "makes none; train it for another task"
            )
        super().__init__(spec, data, seed)

    @property
    def border_px(self) -> int:
        """Pixels along the border of a picture that its PSNR leaves out."""
        return 0

    def training_set(
        self, length: int, rank: int = 0, on_progress: Progress | None = None
    ) -> Dataset[Batch]:
        """Patches of the recipe's pictures, reduced, with noise, or as a camera sees them."""
        from edge_sdk.training.inputs.picture_samples import picture_patches

        return picture_patches(self.data, self.spec, length, self.seed)

    def validation_set(self) -> Dataset[Batch]:
        """The recipe's pictures, whole."""
        from edge_sdk.training.inputs.picture_samples import InMemory, whole_pictures

        return InMemory(whole_pictures(self.data, self.spec, self.seed))

    def loss(self, output: Tensor, wanted: Tensor, target: Tensor, *, squared: bool) -> Tensor:
        """Mean of what :meth:`compared` leaves of the error, absolute or squared; of nothing 0."""
        error = self.compared(output - wanted, target)
        total = (error.square() if squared else error.abs()).sum()
        return total / max(error.numel(), 1)

    def compared(self, error: Tensor, target: Tensor) -> Tensor:
        """The part of an error that a training step is judged by: all of it.

        Args:
            error: float32 [N, C, H, W], output less what it should be.
            target: float32 [N, C, H, W], as loaded.

        Returns:
            Float32 of any shape; its mean is the loss, and that of nothing is 0.
        """
        return error

    def score(self, output: Tensor, target: Tensor) -> float:
        """PSNR in dB of an output [1, C, H, W], rounded to 8 bits, without the border."""
        return float(psnr(quantize(output[0]), target[0], border=self.border_px))

    def baseline(self, source: Tensor) -> Tensor:
        """The input itself; float32 [1, C, H, W] in [0, 1]."""
        return source

    def taught(self, output: Tensor) -> Tensor:
        """An output of a teacher, clipped to [0, 1]."""
        return output.clamp(0, 1)
