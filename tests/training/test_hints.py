from __future__ import annotations

import pytest
import torch

from edge_sdk.models import EnhanceNetConfig
from edge_sdk.reparam import preset
from edge_sdk.training import TrainConfig
from edge_sdk.training.recipe.hints import hints

SOURCE = {"folder": "photos"}
DATA = {"train": SOURCE, "validation": SOURCE}


def recipe(name: str, steps: int, phases: dict[str, int] | None = None) -> TrainConfig:
    block = preset(name, 8)
    model = EnhanceNetConfig(branches=block.branches, norm=block.norm)
    return TrainConfig(model=model, data=DATA, optimizer={"steps": steps}, phases=phases or {})


@pytest.mark.parametrize("name", ["repvgg", "qarepvgg", "figure", "dbb", "acnet"])
@pytest.mark.parametrize("steps", [1000, 1001, 40_000])
def test_batch_norms_that_never_freeze_are_named(name: str, steps: int) -> None:
    (hint,) = hints(recipe(name, steps))
    key, value, *_ = hint.split()
    assert key == "phases.statistics_steps:"
    assert int(value) == steps // 4
    assert hints(recipe(name, steps, {"statistics_steps": int(value)})) == ()


@pytest.mark.parametrize(("name", "steps"), [("sesr", 4000), ("ecb", 4000), ("repvgg", 999)])
def test_other_runs_are_not(name: str, steps: int) -> None:
    assert hints(recipe(name, steps)) == ()


def test_networks_that_do_not_collapse_are_not_told_to() -> None:
    model = EnhanceNetConfig(branches=preset("repvgg", 8).branches, collapsed=False)
    assert hints(TrainConfig(model=model, data=DATA, optimizer={"steps": 4000})) == ()


@pytest.mark.parametrize(
    ("capability", "slow"), [("AVX2", True), ("AVX512", False), ("SVE", False)]
)
def test_bfloat16_is_advised_against_where_it_is_slow(
    monkeypatch: pytest.MonkeyPatch, capability: str, slow: bool
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = EnhanceNetConfig()
    rounded = TrainConfig(model=model, data=DATA, optimizer={"precision": "bfloat16"})
    found = hints(rounded)
    assert len(found) == slow
    assert all(hint.startswith("optimizer.precision: ") for hint in found)
    assert hints(TrainConfig(model=model, data=DATA)) == ()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert hints(rounded) == ()
