"""What the training of every task shares: loss, measure and optimizer."""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from edge_sdk.errors import ModelError
from edge_sdk.imaging import psnr, quantize
from edge_sdk.models.enhance_net import EnhanceNet
from edge_sdk.training.activation_codes import EVERY, CodedNetwork
from edge_sdk.training.inputs.loaders import Batch
from edge_sdk.training.phases import Phase, enter_phase, phase_at, round_kernels, rounds
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.record import RECIPE_KEY, recorded


class LossError(ModelError):
    """A loss, weights or outputs that are not finite."""


class EnhanceTask(LightningModule):
    """Mean absolute (L1), at last squared, error of the network's output; validation by PSNR.

    Validation PSNR is measured on whole pictures with the output rounded to 8 bits and a border of
    :attr:`border_px` pixels left out, and averaged over pictures. In a run that ends with rounded
    kernels and activations they are rounded in every validation, so that all measure what int8 will
    show.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        self.network = EnhanceNet(config.model)
        self.coded = CodedNetwork(self.network) if rounds(config) else None
        self.validation_psnr: list[float] = []
        self._teacher: tuple[EnhanceNet, ...] = ()

    @property
    def border_px(self) -> int:
        """Pixels along the border of a picture that its PSNR leaves out."""
        return 0

    def baseline(self, source: Tensor) -> Tensor:
        """What an output must be better than: the input itself; float32 [1, C, H, W] in [0, 1]."""
        return source

    def picture_psnr(self, output: Tensor, target: Tensor) -> float:
        """PSNR in dB of an output [1, C, H, W], rounded to 8 bits, without the border."""
        return float(psnr(quantize(output[0]), target[0], border=self.border_px))

    def compared(self, error: Tensor, target: Tensor) -> Tensor:
        """The part of an error that a training step is judged by: all of it.

        Args:
            error: float32 [N, C, H, W], output less what it should be.
            target: float32 [N, C, H, W], as loaded.

        Returns:
            Float32 of any shape; its mean is the loss, and that of nothing is 0.
        """
        return error

    @property
    def phase(self) -> Phase:
        """Phase of the step that is being taken, or comes next."""
        return phase_at(self.config, self.global_step)

    @property
    def rounds_to_bfloat16(self) -> bool:
        """Whether the convolutions of the step that is being taken compute in bfloat16."""
        optimizer = self.config.optimizer
        left = optimizer.steps - self.global_step
        if self.phase is Phase.FAKE_QUANTIZED:
            return False
        return optimizer.precision == "bfloat16" and left > optimizer.float32_steps

    @property
    def squares_errors(self) -> bool:
        """Whether the loss of the step that is being taken is the mean squared error."""
        optimizer = self.config.optimizer
        return optimizer.steps - self.global_step <= optimizer.l2_steps

    def on_train_batch_start(self, batch: Batch, _: int) -> None:
        """Enter the phase of the step; choose the codes of activations where that is due."""
        enter_phase(self.network, self.phase)
        if self.coded is not None and self.global_step % EVERY == 0:
            # In evaluation mode, so that BatchNorms do not count the batch twice. The codes are
            # buffers: of several processes all take those of the first.
            self.network.eval()
            self.coded.choose(batch[0])
            self.network.train()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the recipe, by which a resumed run knows whether it is the same."""
        checkpoint[RECIPE_KEY] = recorded(self.config)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch: inputs and targets, float32 in [0, 1]."""
        source, target = batch
        with torch.autocast(source.device.type, torch.bfloat16, enabled=self.rounds_to_bfloat16):
            output = self._run(source, self.phase is Phase.FAKE_QUANTIZED)
        error = self.compared(output.float() - self._expected(source, target), target)
        total = (error.square() if self.squares_errors else error.abs()).sum()
        loss: Tensor = total / max(error.numel(), 1)
        if not torch.isfinite(loss):
            raise LossError(f"the loss became {loss.item()} at step {self.global_step}")
        self.log("loss", loss, prog_bar=True, sync_dist=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start a new average; weights that are not finite end the run before they are kept."""
        self.validation_psnr.clear()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.network.parameters()):
            raise LossError(f"weights became NaN or infinite within {self.global_step} steps")
        round_kernels(self.network, rounds(self.config))

    def validation_step(self, batch: Batch, _: int) -> None:
        """PSNR of one whole picture."""
        source, target = batch
        output = self._run(source, rounds(self.config))
        if not torch.isfinite(output).all():
            raise LossError(f"outputs became NaN or infinite within {self.global_step} steps")
        value = self.picture_psnr(output, target)
        self.validation_psnr.append(value)
        self.log("psnr", value, prog_bar=True, batch_size=1)

    def follow(self, teacher: EnhanceNet) -> None:
        """Learn what another network returns, clipped to [0, 1], instead of the targets."""
        # In a tuple, so that its layers are not trained as parts of this task.
        self._teacher = (teacher.eval().requires_grad_(False),)

    def _expected(self, source: Tensor, target: Tensor) -> Tensor:
        if not self._teacher:
            return target
        taught: Tensor = self._teacher[0].to(source.device)(source).clamp(0, 1)
        return taught

    def _run(self, source: Tensor, rounded: bool) -> Tensor:
        network = self.coded if rounded and self.coded is not None else self.network
        output: Tensor = network(source)
        return output

    def configure_optimizers(self) -> Any:
        """Adam; linear warm-up, then a cosine to zero over the recipe's steps."""
        optimizer = self.config.optimizer

        def factor(step: int) -> float:
            if step < optimizer.warmup_steps:
                return (step + 1) / optimizer.warmup_steps
            span = max(1, optimizer.steps - optimizer.warmup_steps)
            done = min(1.0, (step - optimizer.warmup_steps) / span)
            return 0.5 * (1 + math.cos(math.pi * done))

        adam = torch.optim.Adam(self.parameters(), lr=optimizer.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(adam, factor)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
