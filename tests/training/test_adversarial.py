"""The joint loss, who learns when, and runs that go on as if never interrupted."""

from __future__ import annotations

import csv
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError, ModelError
from edge_sdk.training.adversarial.discriminator import Discriminator
from edge_sdk.training.adversarial.losses import discriminator_loss, feature_loss, generator_loss
from edge_sdk.training.recipe.adversarial import AdversarialConfig, Turn
from edge_sdk.training.recipe.config import TrainConfig
from tests.training.runs import MARKS, STEPS, recipe, train, train_until, weights

pytestmark = MARKS

FINITE = st.lists(st.floats(-30, 30), min_size=1, max_size=5)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def test_the_loss_is_that_of_a_hand_computation() -> None:
    made, real = [0.3, -1.2, 2.0], [1.5, -0.4]
    by_hand = -sum(math.log(sigmoid(z)) for z in made) / 3
    assert float(generator_loss(torch.tensor(made))) == pytest.approx(by_hand, rel=1e-6)
    cross_entropy = -sum(math.log(sigmoid(z)) for z in real) / 2
    cross_entropy -= sum(math.log(1 - sigmoid(z)) for z in made) / 3
    found = discriminator_loss(torch.tensor(real), torch.tensor(made))
    assert float(found) == pytest.approx(cross_entropy, rel=1e-6)
    mean_made, mean_real = sum(made) / 3, sum(real) / 2
    average = -sum(math.log(1 - sigmoid(z - mean_made)) for z in real) / 2
    average -= sum(math.log(sigmoid(z - mean_real)) for z in made) / 3
    found = generator_loss(torch.tensor(made), torch.tensor(real))
    assert float(found) == pytest.approx(average, rel=1e-6)


@given(FINITE, FINITE)
def test_who_is_certain_has_finite_losses_and_gradients(
    real: list[float], made: list[float]
) -> None:
    # −log σ(−200) by its formula would be infinite in float32.
    far = torch.tensor([10 * z for z in made], requires_grad=True)
    loss = generator_loss(far) + discriminator_loss(torch.tensor(real), far, relativistic=True)
    loss.backward()
    assert torch.isfinite(loss)
    assert far.grad is not None
    assert torch.isfinite(far.grad).all()


def test_swapped_verdicts_swap_the_relativistic_losses() -> None:
    real, made = torch.randn(2, 50, generator=torch.Generator().manual_seed(1)).unbind()
    assert generator_loss(made, real) == discriminator_loss(made, real, relativistic=True)


def test_features_of_true_pictures_are_fixed() -> None:
    real, made = (torch.rand(2, 3, 4, requires_grad=True) for _ in range(2))
    feature_loss([real], [made]).backward()
    assert real.grad is None
    assert made.grad is not None


def test_each_picture_is_judged_alone() -> None:
    judge = Discriminator(3, (4, 8)).eval()
    pair = torch.rand(2, 3, 16, 24)
    both, _ = judge(pair)
    for index in range(2):
        alone, _ = judge(pair[index : index + 1])
        torch.testing.assert_close(alone[0], both[index])


def adversarial(folder: Path, **keys: Any) -> TrainConfig:
    section = {"pixel_steps": 2, "discriminator_steps": 2, "widths": (4, 4), **keys}
    return recipe(folder, adversarial=AdversarialConfig(**section))


def test_turns_follow_each_other() -> None:
    config = AdversarialConfig(pixel_steps=2, discriminator_steps=3)
    turns = [config.turn(step) for step in range(7)]
    assert turns == [Turn.PIXELS] * 2 + [Turn.DISCRIMINATOR] * 3 + [Turn.BOTH] * 2
    assert (config.pixel_weight, config.gan_weight) == (1.0, 1e-4)


def test_the_network_rests_while_the_discriminator_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_sdk.training.run.module import TrainingModule

    seen: list[dict[str, torch.Tensor]] = []
    judges: list[dict[str, torch.Tensor]] = []
    original = TrainingModule.on_train_batch_end

    def remember(self: Any, *arguments: object) -> None:
        original(self, *arguments)
        seen.append({k: v.clone() for k, v in self.network.state_dict().items()})
        judges.append({k: v.clone() for k, v in self._judges[0].state_dict().items()})

    monkeypatch.setattr(TrainingModule, "on_train_batch_end", remember)
    train(adversarial(tmp_path), tmp_path / "run", progress=False)

    def moved(states: list[dict[str, torch.Tensor]]) -> list[bool]:
        return [any(not torch.equal(a[k], b[k]) for k in a) for a, b in pairwise(states)]

    # Steps 2 to 8, each against the one before.
    assert moved(seen) == [True, False, False, True, True, True, True]
    assert moved(judges) == [False, True, True, True, True, True, True]


def test_steps_by_pixels_are_those_of_a_run_without_a_discriminator(tmp_path: Path) -> None:
    config = adversarial(tmp_path, pixel_steps=STEPS - 1, discriminator_steps=0, gan_weight=0.0)
    own = train(config, tmp_path / "own", progress=False)
    plain = train(recipe(tmp_path), tmp_path / "plain", progress=False)
    expected = weights(plain.path)
    for name, value in weights(own.path).items():
        assert torch.equal(value, expected[name]), name


def test_only_weights_of_the_joint_loss_are_kept(tmp_path: Path) -> None:
    # A loss of the verdict alone leads away from the pixels; the weights before it were better.
    config = adversarial(tmp_path, pixel_weight=0.0, gan_weight=1.0)
    result = train(config, tmp_path / "run", progress=False)
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["psnr"]]
    joint = [float(row["psnr"]) for row in rows if int(row["step"]) >= 4]
    assert result.psnr_db == pytest.approx(max(joint), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("cut", [3, 6])
@pytest.mark.parametrize("extra", [{}, {"relativistic": True, "conditional": True}])
def test_a_resumed_run_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int, extra: dict[str, bool]
) -> None:
    config = adversarial(tmp_path, gan_weight=0.1, feature_weight=0.1, **extra)
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(cut, config, tmp_path / "run", monkeypatch)
    resumed = train(config, tmp_path / "run", resume=True, progress=False)
    assert resumed.psnr_db == whole.psnr_db
    expected = weights(whole.path)
    for name, value in weights(resumed.path).items():
        assert torch.equal(value, expected[name]), name
    first, second = (
        torch.load(folder / "last.ckpt", weights_only=True)["edge_sdk_adversarial"][0]
        for folder in (tmp_path / "whole", tmp_path / "run")
    )
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"pixel_steps": 4, "discriminator_steps": 4}, "leave none of the 8 steps for both"),
        ({"widths": (4, 0)}, "must be 1 or more"),
    ],
)
def test_senseless_sections_are_refused(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        adversarial(tmp_path, **keys)


def test_other_networks_and_losses_are_refused(tmp_path: Path) -> None:
    config = AdversarialConfig(pixel_steps=2, discriminator_steps=2)
    with pytest.raises(InputError, match="networks that make pictures"):
        config.check(object(), 8, 0)
    optimizer = recipe(tmp_path).optimizer.model_copy(update={"l2_steps": 2})
    with pytest.raises(InputError, match="l2_steps out"):
        recipe(tmp_path, optimizer=optimizer, adversarial=config)


def test_a_verdict_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    config = adversarial(tmp_path, learning_rate=1e30)
    with pytest.raises(ModelError, match="became"):
        train(config, tmp_path / "run", progress=False)
