"""Recipes in ``recipes/`` build what they say, from photographs of a clean license alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_sdk.models import EnhanceNet
from edge_sdk.models.architecture import build
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.run.initial import copy_weights
from edge_sdk.zoo.catalogue import load_model, model_names
from edge_sdk.zoo.networks import fused_network
from tests.needs import needs

pytestmark = needs("train")

ROOT = Path(__file__).parents[2] / "recipes"
PATHS = sorted(ROOT.glob("*/*.yaml"))
MOST_PARAMETERS = {"sr_x2_y": 11_000}
"""What the fused network of a model may have."""


def test_the_page_lists_every_recipe_and_no_other() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\S+\.yaml)` \|", page, re.MULTILINE)
    assert rows == [str(path.relative_to(ROOT)) for path in PATHS]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)
def test_a_recipe_sees_the_cc0_photographs_alone(path: Path) -> None:
    data = load_train_config(path).data
    assert data.train is not None
    assert data.validation is not None
    assert {file.name for file in data.train.name_files} <= {"cc0_train.txt", "cc0_train_2.txt"}
    assert {file.name for file in data.validation.name_files} == {"cc0_val.txt"}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)
def test_a_recipe_builds_a_network_for_its_model_that_starts_from_it(path: Path) -> None:
    name = path.parent.name
    assert name in model_names()
    config = load_train_config(path)
    network, shipped = build(config.model), load_model(name)
    assert isinstance(network, EnhanceNet)
    assert isinstance(shipped, EnhanceNet)
    kind = (network.spec.task, network.spec.scale, network.spec.color)
    assert kind == (shipped.spec.task, shipped.spec.scale, shipped.spec.color)
    assert copy_weights(network, shipped, name).fresh == ()
    count = sum(tensor.numel() for tensor in fused_network(network).parameters())
    assert count <= MOST_PARAMETERS[name]
    stated = re.search(r"([\d,]+) parameters", path.read_text(encoding="utf-8"))
    assert stated is not None
    assert int(stated[1].replace(",", "")) == count


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)
def test_a_recipe_can_be_made_longer(path: Path) -> None:
    assert load_train_config(path).optimizer.decay_steps is not None
