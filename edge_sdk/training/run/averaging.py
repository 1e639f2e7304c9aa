"""The moving average of the weights that a run validates and keeps."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


def decay_after(count: int, decay: float) -> float:
    """Decay of an average that holds ``count`` weights: min(decay, (1 + count)/(10 + count))."""
    return min(decay, (1 + count) / (10 + count))


class Averaging(WeightAveraging):
    """Exponential moving average of parameters and BatchNorm statistics.

    After each step, average ← average + (1 − decay_t)·(current − average) with
    decay_t = min(decay, (1 + t) / (10 + t)), t the number of weights already in the average; the
    first weights are taken as they are. Without this warm-up, which is that of TensorFlow's
    ``ExponentialMovingAverage``, a short run would keep what it was initialized with.

    Statistics are averaged with the weights: an average of networks is, to first order, the network
    of the averages, and weights of many steps with statistics of the last one are not of that kind.
    From the step on at which statistics are frozen the average starts over, so that it holds the
    very statistics that its weights were trained with. Counters are not averaged but taken over.

    Args:
        decay: decay of the average once it is warm, in [0, 1).
        restart_at: number of steps before the one whose weights the average starts over with;
            ``None`` for the first only.
    """

    def __init__(self, decay: float, restart_at: int | None = None) -> None:
        def average(averaged: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
            if not averaged.is_floating_point():
                return current
            # Unlike decay·a + (1 − decay)·c, this leaves a value that does not change as it is.
            return torch.lerp(averaged, current, 1 - decay_after(int(count), decay))

        super().__init__(avg_fn=average)
        self._restart_at = restart_at

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *rest: Any, **named: Any
    ) -> None:
        """Average in the weights of the step that has just been taken."""
        if trainer.global_step - 1 == self._restart_at:
            assert self._average_model is not None
            self._average_model.n_averaged.zero_()
        super().on_train_batch_end(trainer, pl_module, *rest, **named)
