"""Codes of activations while training are those of the converted file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.errors import InputError
from edge_sdk.models import (
    BurstNet,
    BurstNetConfig,
    Color,
    EnhanceNet,
    EnhanceNetConfig,
    load_checkpoint,
    save_checkpoint,
)
from edge_sdk.models.spec import Task
from edge_sdk.quantization.scheme import PICTURE
from edge_sdk.quantization.value_graph import value_graph
from edge_sdk.reparam import five_branches, fuse, sesr_branches
from edge_sdk.training.activation_codes import CodedNetwork, CodedValue
from edge_sdk.training.recipe.config import OptimizerConfig, PhasesConfig
from tests.tolerances import HALF_LEVEL, TWICE_TRAINED, WHOLE_NUMBERS
from tests.training.runs import MARKS, recipe, train, train_until, weights

pytestmark = MARKS


def network(**changes: object) -> EnhanceNet:
    arguments: dict[str, object] = {
        "widths": (4, 4, 4),
        "skips": ((0, 2),),
        "branches": sesr_branches(8),
    }
    torch.manual_seed(0)
    return EnhanceNet(EnhanceNetConfig(**arguments | changes))  # type: ignore[arg-type]


NETWORKS = {
    "leaky": {"activation": "leaky_relu"},
    "prelu": {"activation": "prelu"},
    "relu": {"activation": "relu"},
    "no skips": {"activation": "leaky_relu", "skips": (), "image_skip": False},
    "rgb": {"activation": "leaky_relu", "color": Color.RGB},
    "denoising": {"scale": 1, "task": Task.DENOISING, "color": Color.RGB, "activation": "relu"},
    "smaller": {"task": Task.DOWN_SCALING, "activation": "prelu"},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_values_with_codes_are_those_of_the_converted_file(kind: str) -> None:
    net = network(**NETWORKS[kind])
    example = torch.rand(1, net.spec.color.channels, 12, 12)
    fused, _ = fuse(net, example)
    shared = {value.share for value in value_graph(fused, example).values}
    coded = CodedNetwork(net)
    assert len(coded.values) == len(shared)
    assert not list(coded.parameters())


@pytest.mark.slow
def test_values_are_found_by_their_layers_whatever_the_branches() -> None:
    names = {
        "leaky": ["x", *(f"{part}_{i}" for i in range(3) for part in ("features", "activations"))],
        "relu": ["x", *(f"activations_{i}" for i in range(3))],
    }
    for kind, expected in names.items():
        for branches in (sesr_branches(8), five_branches(4), None):
            coded = CodedNetwork(network(**NETWORKS[kind], branches=branches))
            assert list(coded.values) == [*expected, "add", "reconstruct", "add_1"]


@pytest.mark.slow
def test_finding_them_takes_no_chance_from_the_run() -> None:
    net = network(widths=(4, 5, 5), skips=((1, 2),))
    before = torch.get_rng_state()
    CodedNetwork(net)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_codes_it_is_the_network(kind: str) -> None:
    net = network(**NETWORKS[kind])
    coded = CodedNetwork(net)
    x = torch.rand(2, net.spec.color.channels, 12, 12)
    exact = net(x)
    low = (x.clamp(0, 1) * 255).round() / 255
    with torch.no_grad():
        torch.testing.assert_close(coded(low), net(low).clamp(0, 1), **HALF_LEVEL)
    coded.choose(x)
    rounded = coded(x)
    error = (rounded - exact.clamp(0, 1)).abs()
    assert 0 < float(error.max()) < 0.2
    levels = rounded.detach() * 255
    torch.testing.assert_close(levels.round(), levels, **WHOLE_NUMBERS)
    rounded.square().mean().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_every_value_has_at_most_256_levels() -> None:
    value = CodedValue(False, None)
    x = torch.randn(1, 2, 64, 64)
    assert torch.equal(value(x), x)
    value.observing = True
    assert torch.equal(value(x), x)
    value.observing = False
    value.choose()
    assert float(value.low) < 0 < float(value.high)
    assert len(value(x).unique()) <= 256
    picture = CodedValue(True, None)
    assert picture(torch.tensor([-1.0, 2.0])).tolist() == [0.0, pytest.approx(PICTURE.high)]


@pytest.mark.slow
def test_a_resumed_run_rounds_with_the_same_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(
        tmp_path,
        optimizer=OptimizerConfig(steps=8, warmup_steps=0, ema_decay=0.5, l2_steps=4),
        phases=PhasesConfig(fake_quantized_steps=6),
    )
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(5, config, tmp_path / "run", monkeypatch)
    resumed = train(config, tmp_path / "run", resume=True, progress=False)
    assert resumed.psnr_db == pytest.approx(whole.psnr_db, abs=1e-6)
    for name, value in weights(whole.path).items():
        torch.testing.assert_close(weights(resumed.path)[name], value, **TWICE_TRAINED)


def test_activations_are_rounded_in_the_phase_and_in_every_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, int]] = []
    original = CodedNetwork.forward

    def spy(self: CodedNetwork, x: torch.Tensor) -> torch.Tensor:
        output = original(self, x)
        chosen = [float(value.high) > float(value.low) for value in self.values.values()]
        if not any(value.observing for value in self.values.values()):
            assert all(chosen)
            seen.append((torch.is_grad_enabled(), len(output)))
        return output

    monkeypatch.setattr(CodedNetwork, "forward", spy)
    config = recipe(
        tmp_path,
        optimizer=OptimizerConfig(steps=8, warmup_steps=0),
        phases=PhasesConfig(fake_quantized_steps=3),
        validate_every=4,
    )
    train(config, tmp_path / "run", progress=False)
    training = [entry for entry in seen if entry[0]]
    assert len(training) == 3
    assert len(seen) - len(training) == 2 * 3


@pytest.mark.parametrize(("l2_steps", "expected"), [(0, 0), (3, 3), (8, 8), (100, 8)])
def test_the_last_steps_square_their_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, l2_steps: int, expected: int
) -> None:
    from edge_sdk.training.run.module import TrainingModule

    seen: list[bool] = []
    original = TrainingModule.training_step

    def spy(self: TrainingModule, batch: tuple[torch.Tensor, torch.Tensor], index: int):
        with torch.no_grad():
            error = self.network(batch[0]) - batch[1]
        loss = original(self, batch, index)
        squared = float(error.square().mean())
        assert float(loss) in (pytest.approx(squared), pytest.approx(float(error.abs().mean())))
        seen.append(float(loss) == pytest.approx(squared))
        return loss

    monkeypatch.setattr(TrainingModule, "training_step", spy)
    optimizer = OptimizerConfig(steps=8, warmup_steps=0, l2_steps=l2_steps)
    train(recipe(tmp_path, optimizer=optimizer), tmp_path / "run", progress=False)
    assert seen == [False] * (8 - expected) + [True] * expected


@pytest.mark.slow
def test_a_network_may_follow_its_start_instead_of_the_pictures(tmp_path: Path) -> None:
    model = EnhanceNetConfig(widths=(4, 4), skips=(), branches=None, activation="leaky_relu")
    torch.manual_seed(0)
    start = EnhanceNet(model)
    save_checkpoint(start, tmp_path / "start.safetensors")
    optimizer = OptimizerConfig(steps=60, warmup_steps=0, learning_rate=1e-3, ema_decay=0.9)
    errors = {}
    x = torch.rand(1, 1, 24, 24)
    for follow in (True, False):
        phases = PhasesConfig(fake_quantized_steps=60, distill=follow)
        config = recipe(
            tmp_path,
            model=model,
            optimizer=optimizer,
            phases=phases,
            init=str(tmp_path / "start.safetensors"),
            validate_every=60,
        )
        path = train(config, tmp_path / str(follow), progress=False).path
        with torch.no_grad():
            difference = load_checkpoint(path).model(x).clamp(0, 1) - start(x).clamp(0, 1)
        errors[follow] = float(difference.square().mean())
    assert errors[True] < 0.1 * errors[False]


def test_following_needs_a_model_that_fits(tmp_path: Path) -> None:
    plain = EnhanceNetConfig(widths=(4, 4), skips=(), branches=None, activation="leaky_relu")
    phases = PhasesConfig(fake_quantized_steps=8, distill=True)
    with pytest.raises(InputError, match="give init too"):
        recipe(tmp_path, model=plain, phases=phases)
    save_checkpoint(EnhanceNet(replace(plain, scale=3)), tmp_path / "other.safetensors")
    config = recipe(tmp_path, model=plain, phases=phases, init=str(tmp_path / "other.safetensors"))
    with pytest.raises(InputError, match="same network"):
        train(config, tmp_path / "run", progress=False)


def test_sums_that_are_joined_with_the_input_have_its_codes() -> None:
    network = BurstNet(BurstNetConfig(stages=2, width=4)).eval().requires_grad_(False)
    coded = CodedNetwork(network)
    features = torch.rand(1, 24, 12, 12)
    coded.choose(features)
    sums = [value for name, value in coded.values.items() if name.startswith("add")]
    assert len(sums) == 2
    for value in sums:
        assert isinstance(value, CodedValue)
        assert float(value.low) == PICTURE.low
        assert float(value.high) == pytest.approx(PICTURE.high)
