"""The steps of a run with a discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn.functional import interpolate

from edge_sdk.models.spec import PictureSpec
from edge_sdk.training.adversarial.discriminator import Discriminator
from edge_sdk.training.adversarial.losses import discriminator_loss, feature_loss, generator_loss
from edge_sdk.training.recipe.adversarial import AdversarialConfig, Turn
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.run.module import LossError, TrainingModule

_KEY = "edge_sdk_adversarial"
BETAS = (0.9, 0.99)
Judge = Callable[[Tensor], tuple[Tensor, list[Tensor]]]


class AdversarialModule(TrainingModule):
    """Steps by pixels, steps of the discriminator, at last steps of both, by the joint loss.

    The discriminator is no part of the module's weights: it is neither averaged nor kept in the
    model file. Its weights and moments are in the checkpoint, so that a resumed run ends with the
    weights that it would have had.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        assert config.adversarial is not None
        self.adversarial: AdversarialConfig = config.adversarial
        spec = self.task.spec
        assert isinstance(spec, PictureSpec)
        channels = spec.color.channels * (2 if self.adversarial.conditional else 1)
        judge = Discriminator(channels, self.adversarial.widths)
        # In a tuple, so that its layers are not trained as parts of this module.
        self._judges = (judge,)
        self._judge_optimizer = torch.optim.Adam(
            judge.parameters(), self.adversarial.learning_rate, BETAS
        )

    @property
    def turn(self) -> Turn:
        """Who learns in the step that is being taken, or comes next."""
        return self.adversarial.turn(self.global_step)

    @property
    def keeps_anew(self) -> bool:
        """Whether the best weights are those of the joint loss, and no earlier ones."""
        return self.adversarial.turn(self.global_step - 1) is Turn.BOTH

    def step_loss(self, source: Tensor, output: Tensor, target: Tensor) -> Tensor:
        """Loss of the pixels, and of the verdict where it is its turn."""
        pixels = super().step_loss(source, output, target)
        if self.turn is Turn.PIXELS:
            return pixels
        judged = self._judge_of(source, output)
        self._teach_judge(judged, target, output.detach())
        if self.turn is Turn.DISCRIMINATOR:
            return pixels
        config = self.adversarial
        made, made_features = judged(output)
        real, real_features = judged(target)
        gan = generator_loss(made, real if config.relativistic else None)
        self.log("gan_loss", gan, sync_dist=True)
        loss = config.pixel_weight * pixels + config.gan_weight * gan
        if not config.feature_weight:
            return loss
        return loss + config.feature_weight * feature_loss(real_features, made_features)

    def optimizer_step(self, epoch: int, batch: int, optimizer: Any, closure: Any = None) -> None:
        """Take the network's step, unless it is the discriminator's turn alone."""
        if self.turn is Turn.DISCRIMINATOR:
            closure()
            return
        super().optimizer_step(epoch, batch, optimizer, closure)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the discriminator and its optimizer."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[_KEY] = (self._judges[0].state_dict(), self._judge_optimizer.state_dict())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take both up again."""
        weights, moments = checkpoint[_KEY]
        # Moments follow their weights to the device.
        self._judges[0].to(self.device).load_state_dict(weights)
        self._judge_optimizer.load_state_dict(moments)

    def _judge_of(self, source: Tensor, output: Tensor) -> Judge:
        judge = self._judges[0].to(output.device)
        if not self.adversarial.conditional:
            return judge
        seen = interpolate(source, size=output.shape[-2:])
        return lambda picture: judge(torch.cat((picture, seen), 1))

    def _teach_judge(self, judged: Judge, real: Tensor, made: Tensor) -> None:
        judge, optimizer = self._judges[0], self._judge_optimizer
        judge.requires_grad_(True)
        loss = discriminator_loss(
            judged(real)[0], judged(made)[0], relativistic=self.adversarial.relativistic
        )
        if not torch.isfinite(loss):
            raise LossError(
                f"the discriminator's loss became {loss.item()} at step {self.global_step}"
            )
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if distributed.is_initialized():
            gradients = [weight.grad for weight in judge.parameters() if weight.grad is not None]
            for gradient in gradients:
                distributed.all_reduce(gradient)
                gradient /= distributed.get_world_size()
        optimizer.step()
        self.log("discriminator_loss", loss.detach(), sync_dist=True)
        # What follows learns through it, and not it.
        judge.requires_grad_(False)
