from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.errors import InputError, ModelError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig, save_checkpoint
from edge_sdk.models.enhance_config import Activation
from edge_sdk.reparam import five_branches, sesr_branches
from edge_sdk.reparam.blocks.configs import BranchConfig
from edge_sdk.training.recipe.config import OptimizerConfig
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.run.initial import InitialWeights, take_over
from edge_sdk.zoo.catalogue import load_model
from tests.tolerances import MERGED_NETWORK, TWICE_TRAINED
from tests.training.runs import MARKS, recipe, train, train_until, weights

pytestmark = MARKS

CONFIG = EnhanceNetConfig(widths=(4, 4), skips=(), branches=sesr_branches(8))
STILL = OptimizerConfig(steps=1, warmup_steps=0, learning_rate=1e-30)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A model file of the same structure but another scale: its last block does not fit."""
    torch.manual_seed(7)
    path = tmp_path / "other.safetensors"
    save_checkpoint(EnhanceNet(EnhanceNetConfig(**{**vars(CONFIG), "scale": 3})), path)
    return path


def test_tensors_of_the_same_name_and_shape_are_taken_over(other: Path) -> None:
    network = EnhanceNet(CONFIG)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    report = take_over(network, str(other))
    expected = weights(other)
    fresh = "reconstruct.branches.0.layers.1"
    assert report == InitialWeights(str(other), report.taken, (fresh,))
    taken = 0
    for name, value in network.state_dict().items():
        fits = value.shape == expected[name].shape
        assert torch.equal(value, expected[name] if fits else before[name])
        assert fits == (name.rpartition(".")[0] != fresh)
        taken += fits
    assert report.taken == taken


def test_batch_norm_statistics_are_taken_over(tmp_path: Path) -> None:
    config = EnhanceNetConfig(widths=(3,), skips=(), branches=five_branches(3))
    other, network = EnhanceNet(config), EnhanceNet(config)
    other.train()(torch.rand(2, 1, 8, 8))
    save_checkpoint(other, tmp_path / "other.safetensors")
    assert take_over(network, str(tmp_path / "other.safetensors")).fresh == ()
    for name, value in other.state_dict().items():
        assert torch.equal(network.state_dict()[name], value)


def test_a_run_starts_from_them(tmp_path: Path, other: Path) -> None:
    config = recipe(tmp_path, model=CONFIG, init=str(other), optimizer=STILL)
    result = train(config, tmp_path / "run", progress=False)
    assert result.initial is not None
    assert result.initial.fresh
    trained, expected = weights(result.path), weights(other)
    for name, value in trained.items():
        if not name.startswith("reconstruct"):
            assert torch.equal(value, expected[name])


@pytest.mark.slow
def test_a_resumed_run_takes_nothing_over(
    tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tmp_path, model=CONFIG, init=str(other))
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(5, config, tmp_path / "run", monkeypatch)
    resumed = train(config, tmp_path / "run", resume=True, progress=False)
    assert resumed.initial is None
    expected = weights(whole.path)
    for name, value in weights(resumed.path).items():
        torch.testing.assert_close(value, expected[name], **TWICE_TRAINED)


def test_shipped_models_go_by_name(tmp_path: Path) -> None:
    shipped = load_model("sr_x2_y")
    network = EnhanceNet(shipped.config)
    assert take_over(network, "sr_x2_y").fresh == ()
    for name, value in shipped.state_dict().items():
        assert torch.equal(network.state_dict()[name], value)


@pytest.mark.parametrize("branches", [None, sesr_branches(8)])
@pytest.mark.parametrize("scale", [2, 3])
def test_a_luma_model_starts_one_of_color(
    tmp_path: Path, scale: int, branches: tuple[BranchConfig, ...] | None
) -> None:
    torch.manual_seed(0)
    config = EnhanceNetConfig(scale=scale, widths=(5, 5), skips=((0, 1),), branches=branches)
    luma = EnhanceNet(config)
    path = tmp_path / "luma.safetensors"
    save_checkpoint(luma, path)
    color = EnhanceNet(replace(config, color=Color.RGB))
    assert take_over(color, str(path)).fresh == ()
    x = torch.rand(1, 3, 24, 24)
    with torch.no_grad():
        found = rgb_to_ycbcr(color(x)[0])[:1]
        expected = luma(rgb_to_ycbcr(x[0])[:1][None])[0]
    inside = (..., slice(8 * scale, -8 * scale), slice(8 * scale, -8 * scale))
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=2e-6)


def test_a_file_is_taken_from_the_folder_of_the_recipe(tmp_path: Path) -> None:
    data = "data: {train: {folder: a}, validation: {folder: b}}\n"
    path = tmp_path / "recipe.yaml"
    for given, expected in (
        ("start.safetensors", str(tmp_path / "start.safetensors")),
        ("/models/start.safetensors", "/models/start.safetensors"),
        ("sr_x2_y", "sr_x2_y"),
    ):
        path.write_text(data + f"init: {given}\n")
        assert load_train_config(path, Path("/pictures")).init == expected


def test_models_that_do_not_fit_or_exist_are_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain.safetensors"
    relu = EnhanceNetConfig(widths=(4, 4), skips=(), branches=None, activation="relu")
    save_checkpoint(EnhanceNet(relu), plain)
    out = tmp_path / "run"
    with pytest.raises(InputError, match=r"none of its tensors .* leave init out"):
        train(recipe(tmp_path, model=CONFIG, init=str(plain)), out, progress=False)
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    for name, message in (
        ("missing.safetensors", "no such model file"),
        ("junk.safetensors", "not a readable"),
        ("sr_x9", "neither a shipped model"),
    ):
        config = recipe(tmp_path, model=CONFIG, init=str(tmp_path / name))
        with pytest.raises(ModelError, match=message) as caught:
            train(config, out, progress=False)
        assert "\n" not in str(caught.value)
    assert not out.exists()


@torch.no_grad()
def test_plain_ends_take_over_the_merged_ends() -> None:
    source = load_model("sr_x2_y").eval()
    network = EnhanceNet(replace(source.config, ends="plain")).eval()
    taken = take_over(network, "sr_x2_y")
    assert taken.fresh == ()
    luma = torch.rand(1, 1, 24, 32)
    torch.testing.assert_close(network(luma), source(luma), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("activation", "kernels"), [("relu", (5, 3, 3)), ("leaky_relu", (3, 7, 5)), ("prelu", 9)]
)
def test_larger_kernels_start_as_the_smaller_ones(
    tmp_path: Path, activation: Activation, kernels: int | tuple[int, ...]
) -> None:
    smaller = EnhanceNet(replace(CONFIG, activation=activation)).eval()
    torch.manual_seed(3)
    with torch.no_grad():
        for tensor in smaller.parameters():
            tensor.add_(0.1 * torch.randn_like(tensor))
    save_checkpoint(smaller, tmp_path / "smaller.safetensors")
    larger = EnhanceNet(replace(smaller.config, branches=None, kernels=kernels)).eval()
    assert take_over(larger, str(tmp_path / "smaller.safetensors")).fresh == ()
    image = torch.rand(1, 1, 20, 24)
    with torch.no_grad():
        torch.testing.assert_close(larger(image), smaller(image), **MERGED_NETWORK)


def test_smaller_kernels_do_not_start_as_larger_ones(tmp_path: Path) -> None:
    plain = replace(CONFIG, branches=None)
    save_checkpoint(EnhanceNet(replace(plain, kernels=(5, 3, 3))), tmp_path / "larger.safetensors")
    report = take_over(EnhanceNet(plain), str(tmp_path / "larger.safetensors"))
    assert report.fresh == ("features.0",)
