"""Degrading one picture: recipes, seeds, records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.data.degradation.degrading import degraded, draw_record, with_record
from edge_sdk.data.degradation.file import read_recipe, recipe_of
from edge_sdk.data.degradation.presets import PRESETS, preset
from edge_sdk.data.degradation.recipe import DegradationRecipe, RecipeStep
from edge_sdk.data.degradation.record import drawn_steps
from edge_sdk.data.degradation.step import STEPS
from edge_sdk.data.degradation.steps.gaussian_blur import GaussianBlurRange
from edge_sdk.data.degradation.steps.jpeg import JpegRange
from edge_sdk.data.degradation.steps.motion_blur import MotionBlurRange
from edge_sdk.errors import InputError, PictureError
from tests.examples import examples
from tests.needs import needs

DOCUMENT_ORDER = [
    "gaussian-blur", "motion-blur", "downsample", "gaussian-noise", "poisson-noise",
    "salt-and-pepper", "jpeg",
]  # fmt: skip


def picture(height: int = 40, width: int = 52) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("recipe", PRESETS)
@given(st.integers(0, 2**48), st.integers(1, 40), st.integers(1, 40))
@examples(25)
def test_the_size_stays_and_values_are_in_their_range(
    recipe: str, seed: int, height: int, width: int
) -> None:
    clean = picture(height, width)
    worse = degraded(clean, recipe, seed)
    assert worse.pixels.shape == clean.shape
    assert worse.pixels.dtype == torch.float32
    assert 0 <= float(worse.pixels.min()) <= float(worse.pixels.max()) <= 1
    assert worse.record.steps


@pytest.mark.parametrize("recipe", PRESETS)
def test_the_same_seed_gives_the_same_bytes_and_another_others(recipe: str) -> None:
    clean = picture()
    first, again, other = (degraded(clean, recipe, seed) for seed in (5, 5, 6))
    assert torch.equal(first.pixels, again.pixels)
    assert first.record == again.record
    assert not torch.equal(first.pixels, other.pixels)
    assert not torch.equal(first.pixels, clean)


@pytest.mark.parametrize("recipe", PRESETS)
def test_a_record_in_json_degrades_a_picture_alike(recipe: str) -> None:
    clean = (picture() * 255).byte()
    for seed in range(12):
        worse = degraded(clean, recipe, seed)
        assert worse.pixels.dtype == torch.uint8
        content = json.loads(json.dumps(worse.record.as_json()))
        assert drawn_steps(content["steps"]) == worse.record.steps
        assert torch.equal(with_record(clean, worse.record), worse.pixels)


def test_the_picture_itself_stays() -> None:
    clean = picture()
    kept = clean.clone()
    for name in STEPS.names():
        recipe = DegradationRecipe((RecipeStep(name, STEPS.find(name).ranges()),))
        assert not torch.equal(degraded(clean, recipe, 0).pixels, kept), name
        assert torch.equal(clean, kept), name


def test_the_preset_of_the_document_has_its_order() -> None:
    document = preset("document")
    assert [step.step for step in document.steps] == DOCUMENT_ORDER
    assert set(DOCUMENT_ORDER) == set(STEPS.names())
    assert all(step.ranges == STEPS.find(step.step).ranges() for step in document.steps)
    for seed in range(40):
        places = [DOCUMENT_ORDER.index(step.step) for step in draw_record(document, seed).steps]
        assert places == sorted(set(places))


def test_the_second_order_preset_goes_through_its_steps_twice_in_any_order() -> None:
    drawn = [
        [step.step for step in draw_record(preset("second-order"), seed).steps]
        for seed in range(60)
    ]
    assert any(len(set(names)) < len(names) for names in drawn)
    orders = {names.index("jpeg") < names.index("downsample") for names in drawn
              if "jpeg" in names and "downsample" in names}  # fmt: skip
    assert orders == {True, False}


@pytest.mark.parametrize("probability", [0.2, 0.7])
def test_a_step_is_on_as_often_as_its_probability_says(probability: float) -> None:
    steps = (
        RecipeStep("motion-blur", MotionBlurRange(), probability),
        RecipeStep("jpeg", JpegRange(), 1.0),
    )
    records = [draw_record(DegradationRecipe(steps), seed) for seed in range(600)]
    count = sum(record.steps[0].step == "motion-blur" for record in records)
    assert abs(count / 600 - probability) < 4 * (probability * (1 - probability) / 600) ** 0.5
    assert all(record.steps[-1].step == "jpeg" for record in records)


def test_a_picture_gets_one_step_at_least_and_never_one_that_is_off() -> None:
    steps = (
        RecipeStep("gaussian-blur", GaussianBlurRange(), 0.0),
        RecipeStep("motion-blur", MotionBlurRange(), 0.01),
        RecipeStep("jpeg", JpegRange(), 0.01),
    )
    names = {
        tuple(step.step for step in draw_record(DegradationRecipe(steps), seed).steps)
        for seed in range(80)
    }
    assert {("motion-blur",), ("jpeg",)} <= names
    assert all(each and "gaussian-blur" not in each for each in names)


def test_what_a_step_draws_depends_on_no_probability() -> None:
    recipes = [
        DegradationRecipe(
            (
                RecipeStep("gaussian-blur", GaussianBlurRange(), share),
                RecipeStep("jpeg", JpegRange()),
            )
        )
        for share in (0.0, 1.0)
    ]
    for seed in range(10):
        assert len({draw_record(recipe, seed).steps[-1] for recipe in recipes}) == 1


def test_a_recipe_needs_a_step_that_is_on() -> None:
    for steps in ((), (RecipeStep("jpeg", JpegRange(), 0.0),)):
        with pytest.raises(InputError, match="no step is ever on"):
            DegradationRecipe(steps)


@pytest.mark.parametrize("rounds", [0, 5, -1])
def test_rounds_have_bounds(rounds: int) -> None:
    with pytest.raises(InputError, match=f"rounds {rounds}: give a number of 1 to 4"):
        DegradationRecipe((RecipeStep("jpeg", JpegRange()),), rounds)


def test_a_step_of_a_recipe_fits_its_name() -> None:
    with pytest.raises(InputError, match="unknown degradation 'fog'; choose one of: downsample"):
        RecipeStep("fog", JpegRange())
    with pytest.raises(InputError, match="jpeg: give it a JpegRange"):
        RecipeStep("jpeg", MotionBlurRange())
    for probability in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match=r"probability .*: give a number of 0 to 1"):
            RecipeStep("jpeg", JpegRange(), probability)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (torch.rand(1, 8, 8), r"not torch.float32 \[1, 8, 8\]"),
        (torch.rand(3, 8), r"not torch.float32 \[3, 8\]"),
        (torch.rand(3, 0, 8), "with a pixel or more"),
        (torch.rand(3, 8, 8).double(), "not torch.float64"),
        (torch.full((3, 8, 8), 200.0), "200 to 200; divide levels by 255"),
        (torch.full((3, 8, 8), float("nan")), "nan to nan"),
    ],
)
def test_what_is_no_picture_is_refused(bad: torch.Tensor, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        degraded(bad, "document", 0)


def test_a_negative_seed_and_an_unknown_preset_are_refused() -> None:
    with pytest.raises(InputError, match="seed -1: give 0 or more"):
        degraded(picture(), "document", -1)
    with pytest.raises(InputError, match="unknown preset 'paper'; choose one of: document, second"):
        degraded(picture(), "paper", 0)


@pytest.mark.parametrize("name", PRESETS)
def test_a_recipe_survives_its_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(preset(name).as_json()))
    assert read_recipe(path) == preset(name) == read_recipe(name)


@needs("train")
def test_a_recipe_in_yaml(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "steps:\n- {step: gaussian-blur, side_px: 5}\n"
        "- {step: downsample, probability: 0.5, factor: [2, 3], enlargements: [nearest]}\n"
        "rounds: 2\n"
    )
    recipe = read_recipe(path)
    assert recipe.steps[0].ranges == GaussianBlurRange((5, 5))
    assert recipe.as_json()["steps"][1]["factor"] == (2.0, 3.0)
    assert (recipe.rounds, recipe.shuffle) == (2, False)
    for text, reason in (
        ("steps: [", "not YAML"),
        ("rounds: 1\nrounds: 2", "gives 'rounds' again; leave one out"),
        ("- 1", "holds no recipe"),
        ("steps: [{step: jpeg, quality: .nan}]", "quality"),
        ("steps: [{step: jpeg, quality: 2020-01-01}]", "JSON serializable"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=reason) as caught:
            read_recipe(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "holds no recipe"),
        ({}, "steps: give a list"),
        ({"steps": [], "round": 2}, "unknown key 'round'; did you mean 'rounds'?"),
        ({"steps": []}, "no step is ever on"),
        ({"steps": ["jpeg"]}, "steps.0: give step: and a name, one of downsample"),
        ({"steps": [{"step": "fog"}]}, "steps.0: unknown degradation 'fog'"),
        (
            {"steps": [{"step": "jpeg", "qualty": 3}]},
            "steps.0: jpeg: unknown key 'qualty'; did you mean 'quality'?",
        ),
        ({"steps": [{"step": "jpeg", "quality": "80"}]}, "steps.0: quality: Input should be"),
        ({"steps": [{"step": "jpeg", "quality": [80, 60]}]}, "steps.0: quality 80, 60: give two"),
        ({"steps": [{"step": "jpeg", "quality": [1, 2, 3]}]}, "steps.0: quality"),
        ({"steps": [{"step": "jpeg", "probability": True}]}, "steps.0: probability: give a number"),
        ({"steps": [{"step": "jpeg", "probability": 2}]}, "steps.0: probability 2: give a number"),
        ({"steps": [{"step": "jpeg"}], "rounds": 1.5}, "rounds: give a whole number, not 1.5"),
        ({"steps": [{"step": "jpeg"}], "shuffle": 1}, "shuffle: give true or false, not 1"),
    ],
)
def test_a_recipe_that_does_not_fit_is_answered_in_one_line(content: object, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        recipe_of(content)
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    bad, latin = tmp_path / "bad.json", tmp_path / "latin.json"
    bad.write_text('{"steps": [], "steps": []}')
    latin.write_bytes(b'"\xff"')
    for source, reason in (
        ("paper", "paper: is no recipe; give a preset (document, second-order) or a file"),
        (tmp_path / "none.json", "none.json: no such recipe; check the path"),
        (bad, "bad.json: gives 'steps' again; leave one out"),
        (latin, "latin.json: not text in UTF-8"),
    ):
        with pytest.raises(InputError) as caught:
            read_recipe(source)
        assert reason in str(caught.value)


def test_records_that_do_not_fit_are_named() -> None:
    for entry, reason in (
        ({"quality": 80}, "unknown degradation ''"),
        ({"step": "jpeg", "quality": 80, "size": 1}, "steps.0: jpeg has no 'size'"),
        ({"step": "jpeg"}, "steps.0.quality"),
    ):
        with pytest.raises(InputError) as caught:
            drawn_steps([entry])
        assert str(caught.value).startswith(reason)
