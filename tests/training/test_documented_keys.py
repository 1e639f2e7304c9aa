"""docs/reference/recipe.md names every key of a recipe, with its default, and no other."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from edge_sdk.models import BurstNetConfig, EnhanceNetConfig, RecognitionNetConfig
from edge_sdk.reparam.blocks.configs import BranchConfig
from edge_sdk.training.recipe.config import (
    AdversarialConfig,
    BurstsConfig,
    CamerasConfig,
    ConvergenceConfig,
    DataConfig,
    DegradationConfig,
    NoiseConfig,
    OptimizerConfig,
    PairsConfig,
    PhasesConfig,
    PictureSource,
    SamplesConfig,
    TeacherConfig,
    TrainConfig,
)

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "recipe.md").read_text(encoding="utf-8")
HEADINGS, TEXTS = (re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[i::2] for i in (1, 2))
SECTIONS: dict[str, type[BaseModel]] = {
    "recipe": TrainConfig,
    "data": DataConfig,
    "data.train or data.validation": PictureSource,
    "data.noise": NoiseConfig,
    "data.camera": CamerasConfig,
    "data.bursts": BurstsConfig,
    "data.pairs": PairsConfig,
    "data.degradation": DegradationConfig,
    "data.samples": SamplesConfig,
    "optimizer": OptimizerConfig,
    "phases": PhasesConfig,
    "teacher": TeacherConfig,
    "adversarial": AdversarialConfig,
    "convergence": ConvergenceConfig,
}
MODELS: dict[str, EnhanceNetConfig | BurstNetConfig | RecognitionNetConfig] = {
    "model": EnhanceNetConfig(),
    "model of burst_net": BurstNetConfig(),
    "model of recognition_net": RecognitionNetConfig(("cat", "dog")),
}
WORDS = {None: "none", True: "true", False: "false"}


def table(section: str) -> dict[str, str]:
    """Keys of a section on the page, with what stands as their default."""
    found = re.search(
        rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    assert found is not None, section
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.+) \|$", found[1], re.MULTILINE)
    assert len({key for key, _, _ in rows}) == len(rows)
    return {key: default for key, default, _ in rows}


def written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return WORDS[value]
    if isinstance(value, tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    return str(value)


def test_every_section_is_on_the_page() -> None:
    assert set(HEADINGS) == {*SECTIONS, *MODELS, "model.branches"}


@pytest.mark.parametrize("section", SECTIONS)
def test_sections_are_documented_key_by_key(section: str) -> None:
    fields = SECTIONS[section].model_fields
    told = table(section)
    assert set(told) == set(fields)
    for key, field in fields.items():
        if field.is_required():
            assert told[key] == "required", key
        elif not isinstance(field.default, BaseModel | EnhanceNetConfig):
            assert told[key] == written(field.default), key


@pytest.mark.parametrize("section", MODELS)
def test_models_are_documented_key_by_key(section: str) -> None:
    told, default = table(section), MODELS[section]
    assert set(told) == {field.name for field in dataclasses.fields(default)}
    for key in set(told) - {"branches", "classes"}:
        assert told[key] == written(getattr(default, key)), key


def test_branches_are_documented_key_by_key() -> None:
    known = {field.name for kind in get_args(BranchConfig) for field in dataclasses.fields(kind)}
    assert set(table("model.branches")) == known
