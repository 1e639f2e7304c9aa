"""The phases of a run: BatchNorm statistics, frozen and collapsed, at last rounded to int8.

==============  ==================================================================================
phase           what a block computes in a step
==============  ==================================================================================
training        what its config says; all of the run where a recipe names no phases
statistics      its branches, one by one, while their BatchNorms gather running statistics
collapsed       one convolution; BatchNorms use the statistics gathered, scale and shift go on
                learning
fake-quantized  the same with the merged kernel rounded to int8, gradients straight through, and
                activations too (:mod:`edge_sdk.training.activation_codes`); always in float32
==============  ==================================================================================

A phase follows from the number of steps taken alone, so that a resumed run is in the right one.
"""

from __future__ import annotations

from enum import StrEnum

from torch import nn

from edge_sdk.reparam.blocks.collapse import freeze_batch_norm, multi_branch_blocks
from edge_sdk.training.recipe.config import TrainConfig


class Phase(StrEnum):
    """What a run does at a step; see the module."""

    TRAINING = "training"
    STATISTICS = "statistics"
    COLLAPSED = "collapsed"
    FAKE_QUANTIZED = "fake-quantized"


def phase_at(config: TrainConfig, step: int) -> Phase:
    """Phase of the step that follows ``step`` others."""
    phases = config.phases
    if phases.fake_quantized_steps and step >= config.optimizer.steps - phases.fake_quantized_steps:
        return Phase.FAKE_QUANTIZED
    if phases.statistics_steps is None:
        return Phase.TRAINING
    return Phase.STATISTICS if step < phases.statistics_steps else Phase.COLLAPSED


def rounds(config: TrainConfig) -> bool:
    """Whether a recipe ends with steps that are rounded to int8."""
    return config.phases.fake_quantized_steps > 0


def enter_phase(network: nn.Module, phase: Phase) -> None:
    """Put all blocks of a network into a phase, in place; phases only go forward."""
    if phase in (Phase.COLLAPSED, Phase.FAKE_QUANTIZED):
        freeze_batch_norm(network)
    round_kernels(network, phase is Phase.FAKE_QUANTIZED)


def round_kernels(network: nn.Module, rounded: bool) -> None:
    """Have all blocks that run collapsed round their merged kernel to int8, or not, in place."""
    for block in multi_branch_blocks(network):
        block.fake_quantized = rounded
