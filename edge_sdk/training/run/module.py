"""What the training of every task shares: steps, phases, validations and optimizer."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn

from edge_sdk.errors import ModelError
from edge_sdk.models.architecture import build
from edge_sdk.models.network import Network
from edge_sdk.training.activation_codes import EVERY, CodedNetwork
from edge_sdk.training.batch_norm_penalty import batch_norm_penalty
from edge_sdk.training.phases import Phase, enter_phase, phase_at, round_kernels, rounds
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.record import RECIPE_KEY, recorded
from edge_sdk.training.recipe.tasks import Batch
from edge_sdk.training.run.rates import rate_factor

DEAD_SHARE = 0.75
"""Share of the weights without any gradient from which on a network counts as dead."""


class LossError(ModelError):
    """A loss, weights or outputs that are not finite, or a network that learns no more."""


class TrainingModule(LightningModule):
    """The steps and validations of a run, of whatever task its recipe is for.

    A loss is the mean absolute (L1), at last squared, error of most tasks. A validation score is
    the task's, averaged over samples. In a run that ends with rounded kernels and activations they
    are rounded in every validation, so that all measure what int8 will show.

    Args:
        config: the recipe.

    Attributes:
        network: what is trained.
        task: what it is trained for.
    """

    measures_loss = False
    """Whether validations measure the loss too where no condition of the recipe asks for it."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        self.network = build(config.model)
        self.task = config.task
        self.coded = CodedNetwork(self.network) if rounds(config) else None
        self.validation_psnr: list[float] = []
        self.validation_losses: list[float] = []
        self._teacher: tuple[Network, ...] = ()

    @property
    def phase(self) -> Phase:
        """Phase of the step that is being taken, or comes next."""
        return phase_at(self.config, self.global_step)

    @property
    def keeps_anew(self) -> bool:
        """Whether the best weights are from now on those of a later part of the run."""
        return False

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

    def on_train_batch_end(self, *_: object) -> None:
        """Before a validation, end a run that learns nothing any more."""
        due = self.global_step % self.config.validate_every == 0
        # Without any gradient at all a network is perfect: one that follows itself.
        if due and DEAD_SHARE < _share_without_gradient(self.network) < 1:
            raise LossError(
                f"within {self.global_step} steps the activations became 0 everywhere, so that "
                "nothing is learned any more"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the recipe, by which a resumed run knows whether it is the same."""
        checkpoint[RECIPE_KEY] = recorded(self.config)

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch."""
        source, target = batch
        with torch.autocast(source.device.type, torch.bfloat16, enabled=self.rounds_to_bfloat16):
            output = self._run(source, self.phase is Phase.FAKE_QUANTIZED)
        loss = self.step_loss(source, output.float(), target)
        if not torch.isfinite(loss):
            raise LossError(f"the loss became {loss.item()} at step {self.global_step}")
        self.log("loss", loss, prog_bar=True, sync_dist=True)
        factor = self.config.optimizer.batch_norm_penalty
        if not factor:
            return loss
        penalty = batch_norm_penalty(self.network)
        self.log("batch_norm_penalty", penalty)
        return loss + factor * penalty

    def step_loss(self, source: Tensor, output: Tensor, target: Tensor) -> Tensor:
        """What the step makes smaller: the task's loss against target or teacher."""
        expected = self._expected(source, target)
        return self.task.loss(output, expected, target, squared=self.squares_errors)

    def on_validation_epoch_start(self) -> None:
        """Start a new average; weights that are not finite end the run before they are kept."""
        self.validation_psnr.clear()
        self.validation_losses.clear()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.network.parameters()):
            raise LossError(f"weights became NaN or infinite within {self.global_step} steps")
        round_kernels(self.network, rounds(self.config))

    def validation_step(self, batch: Batch, _: int) -> None:
        """Score of one sample, whole."""
        source, target = batch
        output = self._run(source, rounds(self.config))
        if not torch.isfinite(output).all():
            raise LossError(f"outputs became NaN or infinite within {self.global_step} steps")
        value = self.task.score(output, target)
        self.validation_psnr.append(value)
        self.log(self.task.score_name, value, prog_bar=True, batch_size=1)
        if self.measures_loss or self.config.convergence is not None:
            loss = float(self.task.loss(output.float(), target, target, squared=False))
            self.validation_losses.append(loss)
            self.log("validation_loss", loss, batch_size=1)
        self.note(output, target)

    def note(self, output: Tensor, target: Tensor) -> None:
        """Remember of one validation sample what the task counts: nothing for most."""

    def follow(self, teacher: Network) -> None:
        """Learn what another network returns instead of the targets."""
        # In a tuple, so that its layers are not trained as parts of this task.
        self._teacher = (teacher.eval().requires_grad_(False),)

    def _expected(self, source: Tensor, target: Tensor) -> Tensor:
        if not self._teacher:
            return target
        return self.task.taught(self._teacher[0].to(source.device)(source))

    def _run(self, source: Tensor, rounded: bool) -> Tensor:
        network = self.coded if rounded and self.coded is not None else self.network
        # Convolutions of few channels are a sixth faster where a pixel's channels lie together.
        output: Tensor = network(source.contiguous(memory_format=torch.channels_last))
        return output

    def configure_optimizers(self) -> Any:
        """The recipe's optimizer, with its rate over the steps."""
        optimizer = self.config.optimizer
        made = self._optimizer(optimizer.learning_rate)
        factor = partial(rate_factor, optimizer)
        schedule = torch.optim.lr_scheduler.LambdaLR(made, factor)
        return {"optimizer": made, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _optimizer(self, rate: float) -> torch.optim.Optimizer:
        weights = parameter_groups(self, self.config.optimizer.weight_decay)
        if self.config.optimizer.algorithm == "adam":
            return torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
        from optimi import StableAdamW

        made: torch.optim.Optimizer = StableAdamW(weights, lr=rate, weight_decay=0.0)
        return made


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters for an optimizer: kernels and matrices decay, biases and BatchNorms do not.

    Args:
        module: what is trained.
        weight_decay: of kernels and matrices; with 0 there is one group.
    """
    parameters = list(module.parameters())
    if not weight_decay:
        return [{"params": parameters}]
    return [
        {"params": [each for each in parameters if each.ndim > 1], "weight_decay": weight_decay},
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
    ]


def _share_without_gradient(network: Network) -> float:
    """Part of the weights, counted as tensors, that the last step would not have moved."""
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    dead = sum(not bool(gradient.any()) for gradient in gradients)
    return dead / max(len(gradients), 1)
