"""The protocol of scorers, before there is one of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edge_sdk.curation import CurationConfig, LeastQuality, Quality, curate
from edge_sdk.errors import InputError
from edge_sdk.imaging import Picture
from tests.builders.collections import brightness

GRADED = LeastQuality(brightness, "brightness 1", 30)


@pytest.mark.parametrize(
    ("score", "name"),
    [(0, "poor"), (29.99, "poor"), (30, "medium"), (59.99, "medium"), (60, "good"), (100, "good")],
)
def test_classes_are_half_open_and_the_last_is_closed(score: float, name: str) -> None:
    assert Quality(score).name == name


@pytest.fixture
def grays(tmp_path: Path) -> Path:
    for level in (20, 80, 200):
        Image.new("RGB", (30, 20), (level, level, level)).save(tmp_path / f"{level:03}.png")
    return tmp_path


def test_scores_below_the_limit_are_left_out_with_their_class(grays: Path) -> None:
    result = curate(grays, config=CurationConfig((GRADED,)))
    assert [path.name for path in result.kept] == ["080.png", "200.png"]
    (dark,) = result.of("quality")
    assert dark.detail == "score 7.8 (poor), below 30"
    assert dark.numbers == {"score": pytest.approx(100 * 20 / 255)}
    assert CurationConfig((GRADED,)).settings() == {
        "quality": {"scored_by": "brightness 1", "least_score": 30}
    }


@pytest.mark.slow
def test_scorers_work_in_other_processes(grays: Path) -> None:
    config = CurationConfig((GRADED,))
    assert curate(grays, config=config, workers=2) == curate(grays, config=config)


def test_probabilities_are_kept(grays: Path) -> None:
    def certain(picture: Picture) -> Quality:
        return Quality(80, (0.0, 0.25, 0.75))

    result = curate(grays, config=CurationConfig((LeastQuality(certain, "certain 1"),)))
    assert result.verdicts[0].numbers == {
        "score": 80,
        "probability_poor": 0.0,
        "probability_medium": 0.25,
        "probability_good": 0.75,
    }


def test_another_scorer_does_not_go_on_with_a_journal() -> None:
    other = LeastQuality(brightness, "brightness 2", 30)
    assert other.measured_as != GRADED.measured_as
    assert LeastQuality(brightness, "brightness 1", 60).measured_as == GRADED.measured_as


@pytest.mark.parametrize(
    "make",
    [
        lambda: Quality(101),
        lambda: Quality(float("nan")),
        lambda: Quality(5, (0.5, 0.5)),
        lambda: Quality(5, (0.5, 0.5, 1.5)),
        lambda: LeastQuality(brightness, "brightness 1", -1),
    ],
)
def test_numbers_out_of_range_are_refused(make) -> None:
    with pytest.raises(InputError):
        make()
