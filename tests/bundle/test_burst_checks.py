"""Golden bursts step by step: each step that is another is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from torch import Tensor

from edge_sdk.bundle import open_bundle
from edge_sdk.bundle.burst_checks import check_burst, step_checks, watched
from edge_sdk.bundle.burst_vectors import BurstVector, StepValues, read_bursts
from edge_sdk.bundle.manifest import Variant
from edge_sdk.bundle.zooming import open_stages
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.result import ZoomResult
from tests.needs import needs

T = TypeVar("T")
Zoomed = tuple[BurstVector, StageFiles, ZoomResult, Tensor, Variant]


@contextmanager
def opened(path: Path, name: str) -> Iterator[tuple[BurstVector, StageFiles, Variant]]:
    bundle = open_bundle(path)
    vectors = read_bursts(bundle.read("bursts.json"), "bursts.json")
    (vector,) = (each for each in vectors if each.burst.name == name)
    (variant,) = bundle.manifest.variants
    with bundle.unpacked() as folder:
        yield vector, open_stages(bundle, variant, folder), variant


@pytest.fixture(scope="module")
def flicker(shipped: Path) -> Iterator[Zoomed]:
    with opened(shipped, "flicker") as (vector, stages, variant):
        yield vector, stages, *watched(vector, stages), variant


def off(values: tuple[float, ...]) -> tuple[float, ...]:
    """The value furthest from zero, off by a thousandth."""
    largest = max(range(len(values)), key=lambda at: abs(values[at]))
    return tuple(value * 1.001 if at == largest else value for at, value in enumerate(values))


def off_step(known: StepValues) -> StepValues:
    return replace(known, values=off(known.values))


def instead(values: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    return (*values[:at], value, *values[at + 1 :])


def failing(zoomed: Zoomed, **changes: object) -> list[str]:
    vector, *others = zoomed
    changed = replace(vector, **changes)  # type: ignore[arg-type]
    return [step.step for step in step_checks(changed, *others) if not step.passed]  # type: ignore[arg-type]


@needs("tflite")
@pytest.mark.slow
def test_each_step_is_compared_and_named_where_it_is_another(flicker: Zoomed) -> None:
    vector, _, result, *_ = flicker
    assert failing(flicker) == []
    moved = next(index for index in vector.used if index != result.reference)
    lit = next(index for index in vector.used if vector.lights[index])

    motion = vector.motions[moved]
    shifted = instead(motion, 2, motion[2] + 0.002)
    levels = instead(vector.levels, 1, off_step(vector.levels[1]))
    elsewhere = replace(vector.features, shape=(1, 2, 3, 4))
    lights = vector.lights
    for step, changes in (
        ("luma", {"luma": off_step(vector.luma)}),
        ("level 1", {"levels": levels}),
        ("level 2", {"levels": (*vector.levels, vector.levels[1])}),
        ("scores", {"scores": off(vector.scores)}),
        (f"motion of frame {moved}", {"motions": instead(vector.motions, moved, shifted)}),
        (f"light of frame {lit}", {"lights": instead(lights, lit, off(lights[lit]))}),
        (f"light of frame {lit}", {"lights": instead(lights, lit, ())}),
        ("noise", {"noise": off(vector.noise)}),
        ("noise", {"noise": vector.noise[1:]}),
        ("lens", {"lens_px": vector.lens_px + 0.002}),
        ("features", {"features": off_step(vector.features)}),
        ("features", {"features": elsewhere}),
    ):
        assert failing(flicker, **changes) == [step]


@needs("tflite")
@pytest.mark.slow
def test_a_burst_whose_steps_differ_fails_though_its_picture_is_the_same(shipped: Path) -> None:
    with opened(shipped, "one frame") as (vector, stages, variant):
        assert check_burst(vector, stages, variant).passed
        changed = replace(vector, scores=off(vector.scores))
        check = check_burst(changed, stages, variant)
    assert not check.passed
    assert check.picture_db > 100
    assert check.differs.startswith("scores: 60.0 dB, and needs 80")
