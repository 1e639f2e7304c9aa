from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from torch import nn

from edge_sdk.errors import InputError, ModelError
from edge_sdk.models import Color, EnhanceNetConfig
from edge_sdk.models.spec import QUALITY, PictureSpec, Task
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.recipe.sections import PictureSource
from edge_sdk.zoo.catalogue import (
    ROOT,
    load_card,
    load_int8,
    load_model,
    model_names,
)
from edge_sdk.zoo.fused_form import load_fused
from edge_sdk.zoo.networks import fused_network, luma_network

REPOSITORY = Path(__file__).parents[2]

SETS = {
    Task.SUPER_RESOLUTION: ["Set5", "Set14", "B100"],
    Task.DENOISING: ["Kodak24 σ15", "Kodak24 σ25", "Kodak24 σ50"],
    Task.RESTORATION: ["Kodak24 document"],
    Task.BURST_ZOOM: ["Kodak σ2", "Kodak σ8"],
    QUALITY: ["balanced recall, %", "mean error", "rank correlation"],
}


def schedule_of(name: str) -> list[Path]:
    """Recipes of the float form, in order."""
    return [ROOT / name / "recipe.yaml", *sorted((ROOT / name).glob("recipe-[0-9].yaml"))]


@pytest.mark.parametrize("name", model_names())
def test_the_card_holds_the_figures_and_the_recipe_builds_the_model(name: str) -> None:
    card = load_card(name)
    row = re.search(rf"^\| {name} \| (.+) \|$", card.text, re.MULTILINE)
    assert row is not None
    assert [float(cell) for cell in row[1].split("|")] == list(card.figures.values())
    assert list(card.figures) == SETS[load_model(name).spec.task]
    recipes = [load_train_config(path, init="sr_x2_y") for path in schedule_of(name)]
    assert recipes[-1].model == load_model(name).config
    for recipe in recipes:
        assert re.search(rf"{recipe.optimizer.steps:,} (steps|planned)", card.text)


@pytest.mark.parametrize("name", model_names())
def test_the_card_and_the_readme_count_what_the_network_has(name: str) -> None:
    network = load_model(name)
    fused = fused_network(network)
    trained, merged = (
        sum(weight.numel() for weight in each.parameters()) for each in (network, fused)
    )
    text = load_card(name).text
    what = "branches" if isinstance(network.spec, PictureSpec) else "BatchNorms"
    assert f"{trained:,} with {what} as trained; {merged:,} once fused" in text
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{name}` \|.*$", readme, re.M)
    assert row is not None
    assert f"| {merged:,} |" in row[0]


@pytest.mark.parametrize("name", [name for name in model_names() if name != "quality_classifier"])
def test_the_card_says_what_a_pixel_costs(name: str) -> None:
    network = load_model(name)
    assert isinstance(network.spec, PictureSpec)
    fused, text = fused_network(network), load_card(name).text
    convolutions = [part for part in fused.modules() if isinstance(part, nn.Conv2d)]
    # With a stride all run on a part of the pixels.
    per_pixel = sum(conv.weight.numel() for conv in convolutions) // network.spec.size_multiple**2
    shown = [f"{per_pixel:,}", f"{per_pixel // network.spec.scale**2:,}"]
    found = re.search(
        r"^\| Cost \| ([\d,]+) MACs per .*?pixel(?:.*?, ([\d,]+) per output)?", text, re.M
    )
    assert found is not None
    assert [figure for figure in found.groups() if figure] == list(dict.fromkeys(shown))
    assert f"a halo of {network.spec.halo_px} px" in text


def test_the_card_of_the_classifier_says_what_a_picture_costs() -> None:
    cost = load_fused("quality_classifier").certificate.macs_after
    text = load_card("quality_classifier").text
    assert f"| Cost | {cost / 1e6:.1f} million MACs for a picture" in text


@pytest.mark.parametrize("name", model_names())
def test_an_int8_form_is_the_same_network_with_codes(name: str) -> None:
    shipped = load_int8(name)
    assert ("`int8.safetensors` beside this card" in load_card(name).text) == (shipped is not None)
    if shipped is None:
        return
    assert shipped.scheme is not None
    rounded, float_form = shipped.model.config, fused_network(load_model(name)).config
    if isinstance(rounded, EnhanceNetConfig) and isinstance(float_form, EnhanceNetConfig):
        rounded = replace(rounded, activation=float_form.activation)
    assert rounded == float_form


# Networks for bursts, quality and restoration are younger than today's start and steps.
@pytest.mark.parametrize("path", sorted(ROOT.glob("[!bqr]*/recipe*.yaml")), ids=str)
def test_recipes_start_and_step_as_they_did(path: Path) -> None:
    config = load_train_config(path, init="sr_x2_y")
    assert isinstance(config.model, EnhanceNetConfig)
    assert config.model.branches is None or config.model.initialization == "independent"
    assert (config.optimizer.algorithm, config.optimizer.gradient_clip_norm) == ("adam", None)


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/recipe*.yaml")), ids=str)
def test_recipes_see_the_cc0_photographs_alone(path: Path) -> None:
    data = load_train_config(path, init="sr_x2_y").data
    assert data.train is not None
    assert data.validation is not None
    assert _lists(data.train) <= {"cc0_train.txt", "cc0_train_2.txt"}
    held_out = data.options.get("held_out")
    # Some are taken out of those that are trained on: then these are all that is seen.
    assert _lists(data.validation) == (_lists(data.train) if held_out else {"cc0_val.txt"})


def _lists(source: PictureSource) -> set[str]:
    assert source.names is not None
    return {path.name for path in source.name_files}


def test_the_luma_model_is_what_zoom_needs() -> None:
    network = luma_network("sr_x2_y", 2)
    assert not network.has_branches
    assert (network.spec.scale, network.spec.color) == (2, Color.Y)
    with pytest.raises(InputError, match="×2"):
        luma_network("sr_x2_y", 3)
    with pytest.raises(InputError, match="×2"):
        luma_network("sr_x4_y", 4)


def test_unknown_models_are_named() -> None:
    for call in (load_model, load_card, load_int8):
        with pytest.raises(ModelError, match="nothing"):
            call("nothing")


@pytest.mark.parametrize("name", model_names())
def test_the_curve_of_the_training_lies_beside_a_card_that_shows_it(name: str) -> None:
    picture = ROOT / name / "curves.svg"
    assert picture.is_file() == ("](curves.svg)" in load_card(name).text)
    if picture.is_file():
        text = picture.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        # Nothing is loaded from elsewhere, and no path of the machine it was trained on is left.
        outside = text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|file:|href|url\(", outside)
        assert not re.search(r"(?<![\w<])/\w", outside)


@pytest.mark.parametrize("name", model_names())
def test_the_commands_of_a_card_name_recipes_that_lie_beside_it(name: str) -> None:
    from edge_sdk.training.run.schedule import load_schedule

    commands = re.findall(r"^    edge-sdk train (.+)$", load_card(name).text, re.MULTILINE)
    for command in commands:
        recipes = re.findall(r"-c (\S+)", command)
        assert recipes
        assert all((ROOT / name / recipe).is_file() for recipe in recipes)
        # A recipe that follows another may only be read with the model that it starts from.
        init = re.search(r"--init (\S+)", command)
        load_schedule(
            [ROOT / name / recipe for recipe in recipes],
            ROOT,
            init=None if init is None else init[1],
        )
