"""Pictures left out by their quality: the protocol of scorers, and the shipped classifier."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from edge_sdk.curation import CurationConfig, LeastQuality, Quality, curate, quality_criterion
from edge_sdk.data import degraded, example_photo
from edge_sdk.data.quality.severity import recipe_of_severity
from edge_sdk.errors import InputError, ModelError, PictureError
from edge_sdk.imaging import Picture, write_picture
from tests.builders.collections import brightness
from tests.needs import needs

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


def test_a_picture_that_the_scorer_refuses_is_left_out(grays: Path) -> None:
    def picky(picture: Picture) -> Quality:
        raise PictureError("too small")

    result = curate(grays, config=CurationConfig((LeastQuality(picky, "picky 1", 0),)))
    assert {verdict.detail for verdict in result.verdicts} == {"too small to be scored"}
    assert result.kept == ()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, name in enumerate(("coffee", "chelsea")):
        photo = example_photo(name)
        write_picture(Picture(photo), folder / f"{name}.png")
        worse = degraded(photo, recipe_of_severity(1.0), seed=3 + seed).pixels
        write_picture(Picture(worse), folder / f"{name}-worse.png")
    return folder


@needs("examples")
def test_the_classifier_leaves_out_degraded_pictures(photos: Path, tmp_path: Path) -> None:
    config = CurationConfig((quality_criterion(60),))
    result = curate(photos, tmp_path / "kept.txt", config, sheet=tmp_path / "page.html")
    assert [path.name for path in result.kept] == ["chelsea.png", "coffee.png"]
    assert all("below 60" in verdict.detail for verdict in result.of("quality"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    found = {Quality(float(verdict.numbers["score"])).name for verdict in result.verdicts}
    assert "good" in found
    shown = {"poor": "0 to 30", "medium": "30 to 60", "good": "60 to 100"}
    for name, span in shown.items():
        assert (f"Quality: {name}, {span}" in page) == (name in found)


@needs("examples")
def test_scores_of_a_stopped_run_are_not_made_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CurationConfig((quality_criterion(60),))

    def stop(label: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curate(photos, tmp_path / "kept.txt", config, on_progress=stop)
    # With another limit: the scores are the same.
    loose = CurationConfig((quality_criterion(0),))
    resumed = curate(photos, tmp_path / "kept.txt", loose, resume=True)
    assert resumed.measured_before >= 1
    assert len(resumed.kept) == 4
    assert resumed.verdicts == curate(photos, config=loose).verdicts


def test_a_classifier_that_is_not_there_is_refused_before_any_work() -> None:
    with pytest.raises(ModelError, match="nothing"):
        quality_criterion(60, "nothing")
