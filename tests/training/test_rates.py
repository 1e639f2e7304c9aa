"""The learning rate over the steps, and what it lets a resumed run change."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.training.recipe.config import OptimizerConfig
from edge_sdk.training.run.rates import rate_factor
from tests.tolerances import TWICE_TRAINED
from tests.training.runs import MARKS, recipe, train, train_until, weights

pytestmark = MARKS

OPTIMIZERS = st.builds(
    OptimizerConfig,
    steps=st.integers(1, 300),
    warmup_steps=st.integers(0, 40),
    decay_steps=st.none() | st.integers(1, 400),
)


@given(OPTIMIZERS)
def test_the_rate_rises_stays_and_falls_to_zero(optimizer: OptimizerConfig) -> None:
    rates = [rate_factor(optimizer, step) for step in range(optimizer.steps + 1)]
    warm = rates[: optimizer.warmup_steps]
    after = rates[optimizer.warmup_steps :]
    assert warm == sorted(warm)
    assert after == sorted(after, reverse=True)
    assert all(0 <= rate <= 1 for rate in rates)
    if optimizer.steps > optimizer.warmup_steps:
        assert after[0] == 1
        assert after[-1] == pytest.approx(0, abs=1e-12)
        level = optimizer.steps - optimizer.warmup_steps - (optimizer.decay_steps or 10**9)
        assert all(rate == 1 for rate in after[: max(0, level)])
        assert all(rate < 1 for rate in after[max(0, level) + 1 :])


@given(OPTIMIZERS)
def test_a_decay_over_all_steps_after_the_warm_up_is_none_at_all(
    optimizer: OptimizerConfig,
) -> None:
    whole = optimizer.model_copy(update={"decay_steps": optimizer.steps})
    plain = optimizer.model_copy(update={"decay_steps": None})
    for step in range(optimizer.steps + 1):
        assert rate_factor(whole, step) == rate_factor(plain, step)


@pytest.mark.slow
@pytest.mark.parametrize(("decay_steps", "same"), [(2, True), (None, False)])
def test_a_run_made_longer_before_its_decay_is_the_longer_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decay_steps: int | None, same: bool
) -> None:
    def of(steps: int):
        optimizer = OptimizerConfig(
            steps=steps, warmup_steps=2, ema_decay=0.5, decay_steps=decay_steps, learning_rate=1e-2
        )
        return recipe(tmp_path, optimizer=optimizer)

    whole = train(of(12), tmp_path / "whole", progress=False)
    train_until(5, of(8), tmp_path / "run", monkeypatch)
    longer = train(of(12), tmp_path / "run", resume=True, progress=False)
    assert longer.steps == 12
    expected = weights(whole.path)
    close = [
        torch.allclose(tensor, expected[name], **TWICE_TRAINED)
        for name, tensor in weights(longer.path).items()
    ]
    assert all(close) == same
