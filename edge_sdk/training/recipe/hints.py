"""Advice on a recipe that is right, and yet not what most people want."""

from __future__ import annotations

import torch
from torch import nn

from edge_sdk.models.architecture import outline
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.training.recipe.config import TrainConfig

LEAST_STEPS = 1000
"""Steps from which on a run is long enough for BatchNorms to settle in a quarter of it."""


BEFORE_BFLOAT16 = ("DEFAULT", "AVX2")
"""What PyTorch calls x86 processors without arithmetic in bfloat16."""


def hints(config: TrainConfig) -> tuple[str, ...]:
    """What would make a run faster: one with BatchNorms, or one in bfloat16 where that is slow.

    Example:
        >>> from edge_sdk.models import EnhanceNetConfig
        >>> from edge_sdk.reparam import preset
        >>> from edge_sdk.training import TrainConfig
        >>> from edge_sdk.training.recipe.hints import hints
        >>> source = {"folder": "photos"}
        >>> model = EnhanceNetConfig(branches=preset("repvgg", 64).branches)
        >>> data = {"train": source, "validation": source}
        >>> recipe = TrainConfig(model=model, data=data, optimizer={"steps": 4000})
        >>> [hint.partition(" ")[0] for hint in hints(recipe)]
        ['phases.statistics_steps:']
    """
    return (*_on_statistics(config), *_on_precision(config))


def _on_precision(config: TrainConfig) -> tuple[str, ...]:
    slow = torch.backends.cpu.get_cpu_capability() in BEFORE_BFLOAT16
    if config.optimizer.precision != "bfloat16" or not slow or torch.cuda.is_available():
        return ()
    return (
        "optimizer.precision: this processor has no arithmetic in bfloat16, which takes about ten "
        "times as long here as float32 and trains no better",
    )


def _on_statistics(config: TrainConfig) -> tuple[str, ...]:
    steps = config.optimizer.steps
    blocks = multi_branch_blocks(outline(config.model))
    normalized = any(
        isinstance(part, nn.BatchNorm2d) for block in blocks for part in block.modules()
    )
    collapsed = all(block.collapsed for block in blocks)
    if not normalized or not collapsed or steps < LEAST_STEPS:
        return ()
    if config.phases.statistics_steps is not None:
        return ()
    return (
        f"phases.statistics_steps: {steps // 4} would freeze the BatchNorms after a quarter of the "
        "steps; until then all branches run, and steps take longer the more there are",
    )
