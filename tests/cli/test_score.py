"""Command ``score``: its table, its JSON, and pictures that have no score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edge_sdk import Picture, score, write_picture
from edge_sdk.data import degraded, example_photo
from edge_sdk.data.quality.severity import recipe_of_severity
from edge_sdk.deploy import QualityClassifier, score_files
from edge_sdk.errors import InputError, ModelError, PictureError
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = [needs("examples"), pytest.mark.usefixtures("one_thread")]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    photo = example_photo("coffee")
    write_picture(Picture(photo), folder / "clean.png")
    worse = degraded(photo, recipe_of_severity(1.0), seed=3).pixels
    write_picture(Picture(worse), folder / "worse.png")
    return folder


def test_a_clean_picture_scores_above_a_degraded_one(run: Run, pictures: Path) -> None:
    report = json.loads(run("score", pictures, "--json").out)
    clean, worse = report["pictures"]
    assert [Path(each["path"]).name for each in report["pictures"]] == ["clean.png", "worse.png"]
    assert (clean["class"], worse["class"]) == ("good", "poor")
    assert clean["score"] > 60 > 30 > worse["score"]
    for each in report["pictures"]:
        assert sum(each["probabilities"].values()) == pytest.approx(1)
    assert score(pictures / "clean.png").score == pytest.approx(clean["score"])


def test_what_has_no_score_is_named_and_the_rest_goes_on(run: Run, pictures: Path) -> None:
    (pictures / "broken.jpg").write_bytes(b"no picture")
    write_picture(Picture(torch.rand(3, 40, 300)), pictures / "narrow.png")
    outcome = run("score", pictures)
    assert outcome.status == 0
    assert "clean.png" in outcome.out
    assert "narrow.png" not in outcome.out
    broken, narrow = outcome.err.splitlines()
    assert broken.startswith("note: left out: ")
    assert "broken.jpg: is not a JPEG, PNG" in broken
    assert "narrow.png: 300×40 px is smaller than a cut of 80×80 px" in narrow


def test_nothing_to_score_ends_with_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    outcome = run("score", "broken.jpg", "--json")
    assert outcome.status == 1
    (only,) = json.loads(outcome.out)["pictures"]
    assert only == {"path": "broken.jpg", "failure": only["failure"]}
    assert only["failure"].startswith("broken.jpg: is not a JPEG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no pictures given; name files or folders"),
        (("missing.png",), "missing.png: no such file or folder"),
        (("pictures", "--model", "sr_x2_y"), "sr_x2_y is for super-resolution; name a model for"),
        (("pictures", "--model", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, pictures: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in run("score", *arguments).error_line


def test_the_functions_refuse_what_the_command_refuses(pictures: Path) -> None:
    with pytest.raises(PictureError, match="smaller than a cut"):
        score(Picture(torch.rand(3, 50, 50)))
    with pytest.raises(ModelError):
        score(pictures / "clean.png", "nothing")
    with pytest.raises(InputError, match="for super-resolution"):
        next(score_files([pictures / "clean.png"], "sr_x2_y"))


def test_other_weights_are_another_scorer(tmp_path: Path) -> None:
    from edge_sdk.data.quality.grades import LEVELS
    from edge_sdk.models import RecognitionNet, RecognitionNetConfig, save_checkpoint

    network = RecognitionNet(RecognitionNetConfig(LEVELS, task="quality", preview_px=64))
    save_checkpoint(network, tmp_path / "mine.safetensors")
    mine = QualityClassifier(str(tmp_path / "mine.safetensors"))
    assert mine.scored_by != QualityClassifier().scored_by
    assert 0 <= mine(Picture(torch.rand(3, 90, 70))).score <= 100
