from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edge_sdk.errors import InputError
from edge_sdk.int8 import fake_quantize
from edge_sdk.models import EnhanceNet, EnhanceNetConfig, load_checkpoint
from edge_sdk.reparam import MultiBranchConv2d, five_branches, sesr_branches
from edge_sdk.training.phases import Phase, enter_phase, phase_at
from edge_sdk.training.recipe.config import OptimizerConfig, PhasesConfig, TrainConfig
from edge_sdk.training.recipe.file import load_train_config
from tests.tolerances import TWICE_TRAINED
from tests.training.runs import MARKS, logged, recipe, train, train_until, weights

pytestmark = MARKS

STEPS = 9
MODEL = EnhanceNetConfig(widths=(4, 4), skips=((0, 1),), branches=five_branches(5), norm=True)
PHASES = PhasesConfig(statistics_steps=3, fake_quantized_steps=2)
EXPECTED = [Phase.STATISTICS] * 3 + [Phase.COLLAPSED] * 4 + [Phase.FAKE_QUANTIZED] * 2


def phased(folder: Path, **changes: Any) -> TrainConfig:
    arguments: dict[str, Any] = {
        "model": MODEL,
        "optimizer": OptimizerConfig(steps=STEPS, warmup_steps=2, ema_decay=0.5),
        "phases": PHASES,
    }
    return recipe(folder, **arguments | changes)


def norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]


def statistics(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if "running" in name}


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Of every training step: phase, frozen and rounding blocks, statistics after it."""
    from edge_sdk.training.run.module import TrainingModule

    seen: list[tuple[Any, ...]] = []
    original = TrainingModule.training_step

    def spy(self: TrainingModule, batch: Any, index: int):
        blocks = [part for part in self.network.modules() if isinstance(part, MultiBranchConv2d)]
        loss = original(self, batch, index)
        buffers = {name: value.clone() for name, value in self.network.named_buffers()}
        flags = {(not block.gathers_statistics, block.fake_quantized) for block in blocks}
        seen.append((self.phase, flags, statistics(buffers)))
        return loss

    monkeypatch.setattr(TrainingModule, "training_step", spy)
    return seen


@pytest.mark.slow
def test_every_step_is_taken_in_its_phase(tmp_path: Path, states: list[tuple[Any, ...]]) -> None:
    train(phased(tmp_path), tmp_path / "run", progress=False)
    assert [phase for phase, _, _ in states] == EXPECTED
    for phase, flags, _ in states:
        assert flags == {(phase is not Phase.STATISTICS, phase is Phase.FAKE_QUANTIZED)}
    gathered = [buffers for _, _, buffers in states]
    for step in range(1, STEPS):
        same = all(
            torch.equal(gathered[step - 1][name], gathered[step][name]) for name in gathered[0]
        )
        assert same == (step >= 3)


@pytest.mark.slow
def test_kept_weights_have_the_statistics_that_were_frozen(
    tmp_path: Path, states: list[tuple[Any, ...]]
) -> None:
    train(phased(tmp_path, validate_every=STEPS), tmp_path / "run", progress=False)
    frozen = states[3][2]
    kept = statistics(weights(tmp_path / "run" / "model.safetensors"))
    assert len(kept) == 2 * len(norms(EnhanceNet(MODEL)))
    for name, value in kept.items():
        assert torch.equal(value, frozen[name])
    checkpoint = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    counts = {
        int(value) for name, value in checkpoint["state_dict"].items() if "num_batches" in name
    }
    assert counts == {3}


def test_the_average_starts_anew_with_the_collapsed_phase(tmp_path: Path) -> None:
    config = phased(
        tmp_path,
        validate_every=4,
        optimizer=OptimizerConfig(steps=8, warmup_steps=0, ema_decay=0.9),
        phases=PhasesConfig(statistics_steps=3),
    )
    with pytest.MonkeyPatch.context() as patch:
        train_until(4, config, tmp_path / "run", patch)
    checkpoint = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    for name, value in checkpoint["current_model_state"].items():
        assert torch.equal(value, checkpoint["state_dict"][name])
    assert int(checkpoint["averaging_state"]["n_averaged"]) == 1


def test_averages_keep_what_is_constant_and_take_counters_over() -> None:
    from edge_sdk.training.run.averaging import Averaging

    average = Averaging(0.75)._kwargs["avg_fn"]
    value = average(torch.tensor([1.0, 0.1]), torch.tensor([3.0, 0.1]), 26)
    assert value.tolist() == torch.tensor([1.5, 0.1]).tolist()
    assert average(torch.tensor(3), torch.tensor(8), 26) == 8


def test_a_young_average_forgets_where_it_began() -> None:
    from edge_sdk.training.run.averaging import Averaging

    average = Averaging(0.999)._kwargs["avg_fn"]
    value, share = torch.tensor(1.0, dtype=torch.float64), 1.0
    for count in range(1, 60):
        decay = (1 + count) / (10 + count)
        value, share = average(value, torch.zeros_like(value), torch.tensor(count)), share * decay
    assert float(value) == pytest.approx(share, rel=1e-6)
    assert share < 1e-6
    assert average(torch.tensor(1.0), torch.tensor(0.0), 10**6) == pytest.approx(0.999)


@pytest.mark.slow
@pytest.mark.parametrize("step", range(2, STEPS))
def test_a_run_cut_in_any_phase_ends_like_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    config = phased(tmp_path)
    whole = train(config, tmp_path / "whole", progress=False)
    run = tmp_path / "run"
    train_until(step, config, run, monkeypatch)
    resumed = train(config, run, resume=True, progress=False)
    assert resumed.steps == STEPS
    assert resumed.psnr_db == pytest.approx(whole.psnr_db, abs=1e-6)
    expected, actual = (
        torch.load(folder / "last.ckpt", weights_only=True) for folder in (tmp_path / "whole", run)
    )
    for key in ("state_dict", "current_model_state"):
        for name, value in expected[key].items():
            torch.testing.assert_close(actual[key][name], value, **TWICE_TRAINED)
    other = weights(resumed.path)
    for name, value in weights(whole.path).items():
        torch.testing.assert_close(other[name], value, **TWICE_TRAINED)
    for (at, value), (other_at, expected_db) in zip(
        logged(run), logged(tmp_path / "whole"), strict=True
    ):
        assert (at, value) == (other_at, pytest.approx(expected_db, abs=1e-4))


@pytest.mark.slow
def test_rounding_is_measured_from_the_first_validation_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_sdk.training.run.module import TrainingModule

    seen: list[tuple[Phase, bool]] = []
    original = TrainingModule.validation_step

    def spy(self: TrainingModule, batch: Any, index: int) -> None:
        block = self.network.features[1]
        assert isinstance(block, MultiBranchConv2d)
        x = torch.rand(1, 4, 6, 6)
        merged = block.operator()
        kernel = fake_quantize(merged.kernel)
        expected = nn.functional.conv2d(x, kernel, merged.bias, padding=1)
        seen.append((self.phase, torch.equal(block(x), expected)))
        original(self, batch, index)

    monkeypatch.setattr(TrainingModule, "validation_step", spy)
    train(phased(tmp_path, validate_every=2), tmp_path / "run", progress=False)
    assert {phase for phase, _ in seen} == set(EXPECTED)
    assert all(rounded for _, rounded in seen)


@pytest.mark.slow
def test_blocks_without_batch_norm_may_be_rounded_too(
    tmp_path: Path, states: list[tuple[Any, ...]]
) -> None:
    model = EnhanceNetConfig(widths=(4, 4), skips=(), branches=sesr_branches(6))
    config = phased(tmp_path, model=model, phases=PhasesConfig(fake_quantized_steps=STEPS))
    result = train(config, tmp_path / "run", progress=False)
    assert [phase for phase, _, _ in states] == [Phase.FAKE_QUANTIZED] * STEPS
    assert load_checkpoint(result.path).model.config == model


def test_without_phases_a_run_is_one(tmp_path: Path) -> None:
    config = phased(tmp_path, phases=PhasesConfig())
    assert {phase_at(config, step) for step in range(STEPS)} == {Phase.TRAINING}
    network = EnhanceNet(MODEL).train()
    enter_phase(network, Phase.TRAINING)
    assert all(norm.training for norm in norms(network))


@pytest.mark.slow
def test_progress_names_the_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_sdk.training.run.callbacks import PhaseProgressBar

    shown: list[str] = []
    original = PhaseProgressBar.get_metrics

    def spy(self: PhaseProgressBar, trainer: Any, module: Any):
        metrics = original(self, trainer, module)
        shown.append(str(metrics.get("phase")))
        return metrics

    monkeypatch.setattr(PhaseProgressBar, "get_metrics", spy)
    train(phased(tmp_path), tmp_path / "run")
    assert set(shown) == {"statistics", "collapsed", "fake-quantized"}
    shown.clear()
    train(phased(tmp_path, phases=PhasesConfig()), tmp_path / "plain")
    assert set(shown) == {"None"}


BATCH_NORM = "branches: [{kind: conv, kernels: [3], batch_norm: last}, {kind: identity}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("phases: {statistics_steps: 0}", "phases.statistics_steps"),
        ("phases: {fake_quantized_steps: -1}", "phases.fake_quantized_steps"),
        ("phases: {statistic_steps: 5}", "did you mean 'statistics_steps'?"),
        ("statistics_steps: 5", "'statistics_steps' belongs in phases"),
        ("optimizer: {statistics_steps: 5}", "'statistics_steps' belongs in phases"),
        ("phases: {statistics_steps: 5}", "no branch has a BatchNorm"),
        (f"model: {{{BATCH_NORM}}}\nphases: {{statistics_steps: 50}}", "do not fit into 50 steps"),
        (
            f"model: {{{BATCH_NORM}}}\nphases: {{statistics_steps: 30, fake_quantized_steps: 21}}",
            "statistics_steps 30 and fake_quantized_steps 21 do not fit into 50 steps",
        ),
        ("phases: {fake_quantized_steps: 51}", "do not fit into 50 steps"),
        (f"model: {{{BATCH_NORM}}}\nphases: {{fake_quantized_steps: 5}}", "statistics_steps too"),
        ("model: {branches: null}\nphases: {statistics_steps: 5}", "plain network"),
        ("model: {collapsed: false}\nphases: {fake_quantized_steps: 5}", "collapsed is false"),
        ("init: ''", "init"),
    ],
)
def test_phases_that_contradict_the_recipe_are_refused(tmp_path: Path, text, message) -> None:
    path = tmp_path / "recipe.yaml"
    head = "data: {train: {folder: a}, validation: {folder: b}}\n"
    steps = "" if "optimizer" in text else "optimizer: {steps: 50}\n"
    path.write_text(head + steps + text)
    with pytest.raises(InputError) as caught:
        load_train_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert message in str(caught.value)


def test_a_norm_after_the_sum_is_enough_for_statistics(tmp_path: Path) -> None:
    model = EnhanceNetConfig(widths=(4,), skips=(), branches=sesr_branches(4), norm=True)
    config = phased(tmp_path, model=model)
    assert config.phases == PHASES
    assert config.with_steps(6).optimizer.steps == 6
    with pytest.raises(InputError, match="do not fit into 4 steps"):
        config.with_steps(4)
    with pytest.raises(InputError, match="1 or more, not 0"):
        config.with_steps(0)
