"""Scores of quality: the full-reference score, its levels, cuts, severities and samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.data import degraded, example_photo
from edge_sdk.data.quality.cuts import chosen_cuts, contact_sheet, reduced_to_longest
from edge_sdk.data.quality.full_reference import full_reference_score, gradient_magnitude
from edge_sdk.data.quality.grades import (
    CLASSES,
    LEVELS,
    class_of,
    class_probabilities,
    expected_score,
    soft_labels,
)
from edge_sdk.data.quality.labels import read_judged
from edge_sdk.data.quality.making import scored_sheets
from edge_sdk.data.quality.samples import QualitySamples, WholeSheets, rearranged
from edge_sdk.data.quality.severity import recipe_of_severity
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import resize_bicubic
from tests.needs import needs

scores = st.floats(0, 100, allow_nan=False)


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return example_photo("coffee")[:, :300, :400]


@needs("examples")
def test_a_copy_scores_100_and_worse_copies_less(photo: Tensor) -> None:
    assert full_reference_score(photo, photo) == 100
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(photo.shape, generator=generator)
    by_noise = [
        full_reference_score((photo + level * noise).clamp(0, 1), photo)
        for level in (0.01, 0.03, 0.1)
    ]
    small = [resize_bicubic(photo, size=(300 // by, 400 // by)) for by in (2, 4, 8)]
    by_blur = [
        full_reference_score(resize_bicubic(one, size=(300, 400)).clamp(0, 1), photo)
        for one in small
    ]
    for found in (by_noise, by_blur):
        assert 100 > found[0] > found[1] > found[2] > 0


def test_the_score_by_hand() -> None:
    # A step of 0.4 between flat halves, and the same of 0.2: gradients of 0.4 and 0.2 in two
    # columns, and nothing elsewhere.
    original, copy = torch.zeros(3, 8, 8), torch.zeros(3, 8, 8)
    original[:, :, 4:], copy[:, :, 4:] = 0.4, 0.2
    assert gradient_magnitude(original)[4].tolist() == pytest.approx([0, 0, 0, 0.4, 0.4, 0, 0, 0])
    c = 170 / 255**2
    similar = (2 * 0.4 * 0.2 + c) / (0.4**2 + 0.2**2 + c)
    assert full_reference_score(copy, original) == pytest.approx(100 * similar**3)
    assert full_reference_score(original, original * 0 + 0.5) < 1
    flat = torch.full((3, 8, 8), 0.3)
    assert full_reference_score(flat, flat * 0) == 100


@given(scores, scores)
def test_the_order_of_scores_is_kept_by_labels(one: float, other: float) -> None:
    labels = soft_labels(torch.tensor([one, other]), torch.tensor([one, other]))
    assert labels.sum(1).tolist() == pytest.approx([1, 1])
    assert int((labels > 0).sum(1).max()) <= 2
    found = expected_score(labels.clamp(min=1e-30).log())
    assert found.tolist() == pytest.approx([one, other], abs=1e-3)


@given(scores)
def test_the_likeliest_class_of_a_label_is_that_of_its_score(score: float) -> None:
    label = soft_labels(torch.tensor([score]), torch.tensor([score])).clamp(min=1e-30)
    shares = class_probabilities(label.log())[0]
    assert float(shares.sum()) == pytest.approx(1)
    apart = min(abs(score - 30), abs(score - 60))
    if apart > 1e-3:
        assert list(CLASSES)[int(shares.argmax())] == class_of(score)


def test_a_label_of_a_class_is_of_that_class_alone() -> None:
    starts = torch.tensor([0.0, 30.0, 60.0])
    ends = torch.tensor([30.0, 60.0, 100.0])
    labels = soft_labels(starts, ends)
    assert labels.sum(1).tolist() == pytest.approx([1, 1, 1])
    found = class_probabilities(labels.clamp(min=1e-30).log())
    assert found.argmax(1).tolist() == [0, 1, 2]
    assert expected_score(labels.clamp(min=1e-30).log()).tolist() == pytest.approx([15, 45, 80])


@given(st.integers(80, 260), st.integers(80, 260), st.integers(0, 99))
def test_cuts_lie_inside_and_apart_where_there_is_room(height: int, width: int, seed: int) -> None:
    picture = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
    cuts = chosen_cuts(picture, 80)
    assert len(cuts) == 4
    assert all(cut.lies_on(height, width) and cut.width == cut.height == 80 for cut in cuts)
    sheet = contact_sheet(picture)
    first = cuts[0]
    shown = picture[:, first.top : first.top + 80, first.left : first.left + 80]
    assert torch.equal(sheet[:, :80, :80], shown)


def test_the_first_cuts_show_the_detail() -> None:
    picture = torch.full((3, 400, 600), 0.5)
    generator = torch.Generator().manual_seed(1)
    detail = (torch.rand(3, 25, 25, generator=generator) > 0.5).float()
    picture[:, 200:300, 400:500] = detail.repeat_interleave(4, 1).repeat_interleave(4, 2)
    for cut in chosen_cuts(picture, 80)[:1]:
        assert cut.top in range(160, 261)
        assert cut.left in range(360, 461)


def test_large_pictures_are_reduced_and_others_are_not() -> None:
    assert reduced_to_longest(torch.rand(3, 300, 2880)).shape == (3, 150, 1440)
    small = torch.rand(3, 300, 1440)
    assert reduced_to_longest(small) is small
    with pytest.raises(PictureError, match=r"cat\.png: 300×79 px is smaller than a cut of 80×80"):
        contact_sheet(torch.rand(3, 79, 300), name="cat.png")
    # It is the reduced picture that must have room for a cut.
    with pytest.raises(PictureError, match="1440×60 px"):
        contact_sheet(torch.rand(3, 120, 2880))


@needs("examples")
def test_severities_cover_all_scores(photo: Tensor) -> None:
    found = [
        full_reference_score(degraded(photo, recipe_of_severity(severity), seed).pixels, photo)
        for severity in (0.01, 0.1, 0.3, 0.6, 1.0)
        for seed in range(3)
    ]
    means = [sum(found[first : first + 3]) / 3 for first in range(0, 15, 3)]
    assert means[0] > 85
    assert means[-1] < 35
    assert sorted(means, reverse=True) == means


def test_severities_end_at_the_ranges_of_the_document() -> None:
    from edge_sdk.data.degradation.presets import preset

    worst, document = recipe_of_severity(1.0), preset("document")
    assert [step.step for step in worst.steps] == [step.step for step in document.steps]
    assert [step.probability for step in worst.steps] == [
        step.probability for step in document.steps
    ]
    ranges = {step.step: vars(step.ranges) for step in worst.steps}
    allowed = {step.step: vars(step.ranges) for step in document.steps}
    for name, own in ranges.items():
        for key, bounds in own.items():
            if isinstance(bounds, tuple) and not isinstance(bounds[0], str):
                low, high = allowed[name][key]
                assert low <= bounds[0] <= bounds[1] <= high
    for severity in (0.0, 1.1, float("nan")):
        with pytest.raises(InputError, match="above 0, up to 1"):
            recipe_of_severity(severity)


def test_the_same_seed_gives_the_same_sheets() -> None:
    photograph = torch.rand(3, 320, 300, generator=torch.Generator().manual_seed(0))
    one, again = (list(scored_sheets(photograph, 3, 160, seed=5)) for _ in range(2))
    assert all(torch.equal(a.sheet, b.sheet) for a, b in zip(one, again, strict=True))
    assert [a.score for a in one] == [b.score for b in again]
    other = next(iter(scored_sheets(photograph, 1, 160, seed=6)))
    assert not torch.equal(one[0].sheet, other.sheet)
    with pytest.raises(PictureError, match="is smaller than a cut"):
        list(scored_sheets(photograph[:, :70], 1, 160, seed=0))


def test_rearranging_keeps_every_pixel_and_its_neighbors() -> None:
    sheet = torch.arange(3 * 8 * 8.0).reshape(3, 8, 8)
    found = rearranged(sheet, np.random.default_rng(1))
    assert found.shape == sheet.shape
    assert torch.equal(found.flatten().sort().values, sheet.flatten())
    cuts = {
        tuple(sorted(part[:, rows, columns].flatten().tolist()))
        for part in (sheet, found)
        for rows in (slice(0, 4), slice(4, 8))
        for columns in (slice(0, 4), slice(4, 8))
    }
    assert len(cuts) == 4


def test_samples_draw_every_level_alike_and_repeat() -> None:
    sheets = torch.randint(256, (10, 3, 8, 8), dtype=torch.uint8)
    values = torch.tensor([95.0] * 9 + [5.0])
    samples = QualitySamples(sheets, torch.stack([values, values], 1), length=200, seed=0)
    low = sum(float(samples[index][1][0]) == 5 for index in range(200))
    assert 70 < low < 130
    assert torch.equal(samples[7][0], samples[7][0])
    assert len(WholeSheets(sheets, torch.stack([values, values], 1))) == 10
    with pytest.raises(IndexError):
        samples[200]
    with pytest.raises(InputError, match="give a sheet or more"):
        QualitySamples(sheets, values[:, None], 1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png,50", "does not begin with path,score or path,class"),
        ("path,score\na.png,101", "'101' is no score"),
        ("path,score\na.png,nan", "'nan' is no score"),
        ("path,class\na.png,fine", "'fine' is no class; give one of poor, medium, good"),
        ("path,class\nb.png,good", "b.png does not exist"),
        ("path,class\na.png,good\na.png,poor", "lists .*a.png again"),
        ("path,class\na.png", "has 1 fields"),
        ("path,class\n", "lists no picture"),
    ],
)
def test_labels_that_cannot_be_used_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.png").touch()
    table = tmp_path / "judged.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        read_judged(tmp_path, table)
    with pytest.raises(InputError, match="no such table"):
        read_judged(tmp_path, tmp_path / "other.csv")


def test_labels_are_scores_or_classes(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    table = tmp_path / "judged.csv"
    table.write_text("Path,Score\na.png, 42.5\n")
    (one,) = read_judged(tmp_path, table)
    assert (one.path, one.lowest, one.highest) == (tmp_path / "a.png", 42.5, 42.5)
    table.write_text("path,class\na.png,good\n")
    (one,) = read_judged(tmp_path, table)
    assert (one.lowest, one.highest) == (60, 100)
    assert len(LEVELS) == 11
