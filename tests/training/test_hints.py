from __future__ import annotations

import pytest

from edge_sdk.models import EnhanceNetConfig
from edge_sdk.reparam import preset
from edge_sdk.training import TrainConfig
from edge_sdk.training.recipe.hints import hints

SOURCE = {"folder": "photos"}
DATA = {"train": SOURCE, "validation": SOURCE}


def recipe(name: str, steps: int, **sections: object) -> TrainConfig:
    block = preset(name, 8)
    model = EnhanceNetConfig(branches=block.branches, norm=block.norm)
    optimizer = {"steps": steps, **sections.pop("optimizer", {})}  # type: ignore[dict-item]
    return TrainConfig(model=model, data=DATA, optimizer=optimizer, **sections)


def test_short_runs_with_batch_norms_are_advised() -> None:
    found = hints(recipe("repvgg", 400))
    assert found[0].startswith("phases.statistics_steps: 100 ")
    assert found[1].startswith("optimizer.ema_decay: 0.975 ")
    advised = {"optimizer": {"ema_decay": 0.975}, "phases": {"statistics_steps": 100}}
    assert hints(recipe("repvgg", 400, **advised)) == ()


@pytest.mark.parametrize(
    ("name", "steps"), [("sesr", 400), ("ecb", 400), ("repvgg", 20_000), ("qarepvgg", 5000)]
)
def test_other_runs_are_not(name: str, steps: int) -> None:
    assert hints(recipe(name, steps)) == ()


def test_networks_that_do_not_collapse_are_not_told_to() -> None:
    block = preset("repvgg", 8)
    model = EnhanceNetConfig(branches=block.branches, collapsed=False)
    config = TrainConfig(model=model, data=DATA, optimizer={"steps": 400})
    assert [hint.partition(":")[0] for hint in hints(config)] == ["optimizer.ema_decay"]


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_the_shortest_runs_get_advice_that_is_legal(steps: int) -> None:
    for hint in hints(recipe("acnet", steps)):
        key, _, rest = hint.partition(": ")
        value = float(rest.split()[0])
        section, name = key.split(".")
        recipe("acnet", steps, **{section: {name: int(value) if name != "ema_decay" else value}})
