"""Advice on a recipe that is right, and yet not what most people want."""

from __future__ import annotations

from torch import nn

from edge_sdk.models.architecture import outline
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.training.recipe.config import TrainConfig

SHORT_STEPS = 5000
"""Below so many steps a run is short: BatchNorms that never freeze have no time to settle."""
SHORTEST_AVERAGE = 10
"""Part of a short run that the kept weights should be averaged over at most: a tenth."""


def hints(config: TrainConfig) -> tuple[str, ...]:
    """What would make a short run with BatchNorms better or faster; nothing for others.

    Example:
        >>> from edge_sdk.models import EnhanceNetConfig
        >>> from edge_sdk.reparam import preset
        >>> from edge_sdk.training import TrainConfig
        >>> from edge_sdk.training.recipe.hints import hints
        >>> source = {"folder": "photos"}
        >>> model = EnhanceNetConfig(branches=preset("repvgg", 64).branches)
        >>> data = {"train": source, "validation": source}
        >>> recipe = TrainConfig(model=model, data=data, optimizer={"steps": 400})
        >>> [hint.partition(":")[0] for hint in hints(recipe)]
        ['phases.statistics_steps', 'optimizer.ema_decay']
    """
    steps = config.optimizer.steps
    blocks = multi_branch_blocks(outline(config.model))
    normalized = any(
        isinstance(part, nn.BatchNorm2d) for block in blocks for part in block.modules()
    )
    if steps >= SHORT_STEPS or not normalized:
        return ()
    found = []
    collapsed = all(block.collapsed for block in blocks)
    if config.phases.statistics_steps is None and steps > 1 and collapsed:
        found.append(
            f"phases.statistics_steps: {max(1, steps // 4)} would freeze the BatchNorms after a "
            "quarter of the steps; until then all branches run, several times as slow, and the "
            "loss follows every batch"
        )
    window = steps / SHORTEST_AVERAGE
    if 1 / (1 - config.optimizer.ema_decay) > window:
        found.append(
            f"optimizer.ema_decay: {max(0.0, 1 - 1 / window):.3g} would keep an average over a "
            f"tenth of the {steps:,} steps; {config.optimizer.ema_decay:g} reaches back to weights "
            "and statistics of its beginning"
        )
    return tuple(found)
