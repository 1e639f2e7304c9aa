"""Ending a run where its validation loss no longer changes."""

from __future__ import annotations

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from edge_sdk.training.recipe.convergence import ConvergenceConfig, StopReason
from edge_sdk.training.run.module import TrainingModule


class StopAtConvergence(Callback):
    """Ends a run that has converged, after the checkpoint of the validation that showed it.

    Args:
        config: when a run has; ``None`` for never.
    """

    def __init__(self, config: ConvergenceConfig | None) -> None:
        self.config = config
        self.losses: list[float] = []

    @property
    def reason(self) -> StopReason:
        """Why a run that has ended did."""
        met = self.config is not None and self.config.is_met(self.losses)
        return StopReason.CONVERGED if met else StopReason.STEPS

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that is resumed behind its end takes no step more."""
        trainer.should_stop = self.reason is StopReason.CONVERGED

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the loss, and end the run if it is time to."""
        assert isinstance(pl_module, TrainingModule)
        losses = pl_module.validation_losses
        if trainer.sanity_checking or not losses:
            return
        self.losses.append(sum(losses) / len(losses))
        # Every process validates all samples with the same weights, and comes to the same end.
        if self.reason is StopReason.CONVERGED:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """State that a resumed run needs."""
        return {"losses": list(self.losses)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state of an interrupted run."""
        self.losses = list(state_dict["losses"])
