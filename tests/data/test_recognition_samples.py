"""Samples for recognition: what is cut, how it is turned, what is read and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.data.recognition.attributes import with_attributes
from edge_sdk.data.recognition.pictures import (
    LabelledPicture,
    LabelledPictures,
    labelled_files,
    read_labelled,
)
from edge_sdk.data.recognition.regions import RegionRange
from edge_sdk.data.recognition.samples import RecognitionSamples, SampleRange, WholePictures
from edge_sdk.data.recognition.shapes import SHAPES, draw_shape, write_shapes
from edge_sdk.data.recognition.turning import largest_upright, turned
from edge_sdk.errors import InputError, PictureError
from edge_sdk.models import Normalization
from tests.examples import examples
from tests.needs import needs
from tests.tolerances import SINGLE

CLASSES = ("cat", "dog")


def labelled(*sizes: tuple[int, int]) -> LabelledPictures:
    """Noise of these heights and widths, of both classes in turn."""
    generator = torch.Generator().manual_seed(0)
    pictures = [
        LabelledPicture(
            torch.randint(256, (3, *size), dtype=torch.uint8, generator=generator),
            index % 2,
            f"{index}.png",
        )
        for index, size in enumerate(sizes)
    ]
    return LabelledPictures(tuple(pictures), ())


def samples(ranges: SampleRange, seed: int = 0, **others: Any) -> RecognitionSamples:
    return RecognitionSamples(labelled((40, 60), (50, 30)), ranges, 16, 200, seed, **others)


bounds = st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)).map(lambda pair: tuple(sorted(pair)))
ratios = st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)).map(lambda pair: tuple(sorted(pair)))


@given(bounds, ratios, st.integers(40, 300), st.integers(40, 300), st.integers(0, 99))
@examples(200)
def test_share_and_ratio_of_a_region_are_within_their_ranges(
    share: tuple[float, float], ratio: tuple[float, float], height: int, width: int, seed: int
) -> None:
    assume(share[0] < share[1] or ratio[0] < ratio[1])
    regions = RegionRange(share, ratio)
    try:
        regions.check(height, width, "a.png")
    except PictureError:
        assume(False)
    found = regions.draw(height, width, np.random.default_rng(seed))
    assert found.lies_on(height, width)
    # Sides are rounded to pixels: a half of one at each.
    least = (found.height - 0.5) * (found.width - 0.5)
    most = (found.height + 0.5) * (found.width + 0.5)
    area = height * width
    assert least / area <= share[1] + 1e-9
    assert most / area >= share[0] - 1e-9
    assert (found.width - 0.5) / (found.height + 0.5) <= ratio[1] + 1e-9
    assert (found.width + 0.5) / (found.height - 0.5) >= ratio[0] - 1e-9


@pytest.mark.parametrize("fixed", ["area", "ratio"])
def test_one_of_share_and_ratio_may_be_fixed_and_the_other_fills_its_range(fixed: str) -> None:
    regions = RegionRange(
        (0.3, 0.3) if fixed == "area" else (0.2, 0.5), (1.5, 1.5) if fixed == "ratio" else (0.5, 2)
    )
    generator = np.random.default_rng(0)
    found = [regions.draw(1000, 1000, generator) for _ in range(400)]
    shares = np.array([each.height * each.width / 1e6 for each in found])
    ratios = np.array([each.width / each.height for each in found])
    if fixed == "area":
        assert np.allclose(shares, 0.3, atol=0.002)
        assert (ratios.min(), ratios.max()) == pytest.approx((0.5, 2), rel=0.03)
        assert np.log(ratios).mean() == pytest.approx(0, abs=0.08)
    else:
        assert np.allclose(ratios, 1.5, atol=0.01)
        assert (shares.min(), shares.max()) == pytest.approx((0.2, 0.5), abs=0.01)
        assert shares.mean() == pytest.approx(0.35, abs=0.02)
    places = {(each.left, each.top) for each in found}
    assert len(places) > 300


@given(st.integers(8, 90), st.integers(8, 90), ratios)
@examples(50)
def test_the_middle_of_a_picture_touches_two_edges(
    height: int, width: int, ratio: tuple[float, float]
) -> None:
    found = RegionRange((0.2, 1.0), ratio).whole(height, width)
    assert found.lies_on(height, width)
    assert found.height == height or found.width == width
    assert abs(2 * found.left + found.width - width) <= 1
    assert abs(2 * found.top + found.height - height) <= 1


@pytest.mark.parametrize(
    ("share", "ratio", "message"),
    [
        ((0.5, 0.5), (1.0, 1.0), "claim 11"),
        ((0.0, 0.5), (1.0, 2.0), "area_share"),
        ((0.6, 0.5), (1.0, 2.0), "area_share"),
        ((0.5, 1.1), (1.0, 2.0), "area_share"),
        ((0.5, 0.6), (0.0, 2.0), "aspect_ratio"),
        ((0.5, 0.6), (2.0, 1.0), "aspect_ratio"),
        ((0.5, 0.6), (1.0, math.inf), "aspect_ratio"),
        ((math.nan, 0.6), (1.0, 2.0), "area_share"),
    ],
)
def test_wrong_ranges_of_regions_are_refused(
    share: tuple[float, float], ratio: tuple[float, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        RegionRange(share, ratio)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flip_share": 0.0}, "claim 12"),
        ({"flip_share": 1.5}, "probability"),
        ({"turn_share": -0.1}, "probability"),
        ({"attribute_share": math.nan}, "probability"),
        ({"turn_deg": (5.0, -5.0)}, "turn_deg"),
        ({"turn_deg": (0.0, 270.0)}, "turn_deg"),
        ({"contrast": (1.5, 0.5)}, "contrast"),
        ({"brightness": (-1.0, 0.5)}, "brightness"),
        ({"saturation": (0.0, math.inf)}, "saturation"),
    ],
)
def test_wrong_perturbations_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SampleRange(**changes)


ALL = SampleRange(turn_share=0.5, attribute_share=0.5)


def test_the_same_index_and_seed_give_the_same_sample() -> None:
    one, same, other = (samples(ALL, seed) for seed in (1, 1, 2))
    for index in (199, 0, 7):
        assert torch.equal(one[index][0], same[index][0])
        assert one[index][1] == same[index][1]
        assert not torch.equal(one[index][0], other[index][0])
    assert not torch.equal(one[0][0], one[1][0])
    assert one[3][0].shape == (3, 16, 16)
    with pytest.raises(IndexError):
        one[200]


@pytest.mark.parametrize("step", ["flip_share", "turn_share", "attribute_share"])
def test_each_step_has_its_own_probability(step: str) -> None:
    base = {"flip_share": 0.0, "turn_share": 0.0, "attribute_share": 0.0}
    # The others off; a turn by 0 degrees, so that nothing but the cut is left to compare with.
    plain = samples(SampleRange(**{**base, "turn_share": 1.0, "turn_deg": (0.0, 0.0)}))
    found = [samples(SampleRange(**{**base, step: share})) for share in (0.3, 1.0)]
    for share, changed in zip((0.3, 1.0), found, strict=True):
        moved = [
            not torch.allclose(changed[index][0], plain[index][0], atol=1e-5)
            for index in range(200)
        ]
        assert sum(moved) / 200 == pytest.approx(share, abs=0.1)
    if step == "flip_share":
        assert torch.allclose(found[1][4][0], plain[4][0].flip(-1), atol=1e-5)


@given(st.floats(-180, 180), st.integers(2, 40), st.integers(2, 40))
@examples(100)
def test_a_turned_picture_shows_no_fill(angle: float, height: int, width: int) -> None:
    assert float(turned(torch.ones(1, height, width), angle).min()) > 1 - 1e-5


def test_angles_of_a_quarter_turn_are_exact() -> None:
    square = torch.rand(3, 9, 9)
    for quarter in range(-1, 3):
        found = turned(square, 90.0 * quarter)
        torch.testing.assert_close(found, torch.rot90(square, quarter, (-2, -1)), **SINGLE)


def test_a_small_turn_moves_a_point_counterclockwise() -> None:
    image = torch.zeros(1, 41, 41)
    image[0, 20, 32] = 1.0
    found = turned(image, 20.0)
    row, column = divmod(int(found.flatten().argmax()), 41)
    # Right of the middle, it goes up; and outwards, since the rest is cut and enlarged.
    rows, columns = largest_upright(40, 40, 20.0)
    scale = 40 / rows
    assert rows == pytest.approx(columns)
    assert row == pytest.approx(20 - scale * 12 * math.sin(math.radians(20)), abs=1)
    assert column == pytest.approx(20 + scale * 12 * math.cos(math.radians(20)), abs=1)


@given(st.floats(1, 10), st.floats(1, 10), st.floats(-360, 360))
@examples(100)
def test_the_upright_rectangle_lies_inside_and_none_larger_does(
    height: float, width: float, angle: float
) -> None:
    def inside(rows: float, columns: float) -> bool:
        turn = math.radians(angle)
        corners = [(sign * columns / 2, rows / 2) for sign in (-1, 1)]
        back = [
            (
                x * math.cos(turn) + y * math.sin(turn),
                -x * math.sin(turn) + y * math.cos(turn),
            )
            for x, y in corners
        ]
        return all(abs(x) <= width / 2 + 1e-6 and abs(y) <= height / 2 + 1e-6 for x, y in back)

    rows, columns = largest_upright(height, width, angle)
    assert inside(rows, columns)
    for factor in np.geomspace(0.2, 5, 81):
        # Of every other ratio, one of a larger area does not fit.
        assert not inside(rows * factor * 1.01, columns / factor * 1.01)


def test_wrong_turns_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be turned"):
        turned(torch.rand(3, 1, 8), 5.0)
    with pytest.raises(InputError, match="cannot be turned"):
        turned(torch.rand(3, 8, 8), math.nan)


@needs("examples")
def test_attributes_change_what_they_say_on_a_photograph() -> None:
    photo = example_photo("coffee")[:, 100:164, 200:264]
    torch.testing.assert_close(with_attributes(photo), photo, **SINGLE)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]

    def luma(image: torch.Tensor) -> torch.Tensor:
        return (image * weights).sum(0)

    darker = with_attributes(photo, brightness=0.5)
    torch.testing.assert_close(darker, photo / 2, **SINGLE)
    flat = with_attributes(photo, contrast=0.5)
    assert float(luma(flat).mean()) == pytest.approx(float(luma(photo).mean()), abs=1e-5)
    assert float(luma(flat).std()) == pytest.approx(float(luma(photo).std()) / 2, rel=1e-4)
    pale = with_attributes(photo, saturation=0.5)
    torch.testing.assert_close(luma(pale), luma(photo), **SINGLE)
    spread, before = (float((each - luma(each)).abs().mean()) for each in (pale, photo))
    assert spread == pytest.approx(before / 2, rel=1e-4)


def test_classes_are_drawn_alike_or_pictures_are() -> None:
    one_of_each_and_four = labelled(*[(20, 20)] * 2)
    cats = tuple(one_of_each_and_four.pictures[:1])
    source = LabelledPictures(cats * 4 + one_of_each_and_four.pictures[1:], ())
    for by_class, share in ((True, 0.5), (False, 0.2)):
        drawn = RecognitionSamples(source, SampleRange(), 8, 600, 0, by_class=by_class)
        dogs = sum(int(drawn[index][1]) for index in range(600))
        assert dogs / 600 == pytest.approx(share, abs=0.06)


def test_values_are_normalized_at_last() -> None:
    normal = Normalization((0.5,), (0.25,))
    plain, other = samples(ALL), samples(ALL, normalization=normal)
    torch.testing.assert_close(other[5][0], (plain[5][0] - 0.5) / 0.25, **SINGLE)
    whole = WholePictures(labelled((40, 60), (50, 30)), ALL, 16)
    again = WholePictures(labelled((40, 60), (50, 30)), ALL, 16, normal)
    assert len(whole) == 2
    torch.testing.assert_close(again[1][0], (whole[1][0] - 0.5) / 0.25, **SINGLE)
    assert int(whole[1][1]) == 1


def test_pictures_smaller_than_a_cut_are_named() -> None:
    ranges = SampleRange(RegionRange((0.9, 1.0), (1.0, 1.1)))
    for source, why in (
        (labelled((40, 40), (10, 90)), "1.png: 90×10 px have no room for 90%"),
        (labelled((40, 40), (3, 3)), "1.png: 3×3 px are smaller than a cut"),
    ):
        with pytest.raises(PictureError, match=why):
            RecognitionSamples(source, ranges, 16, 4, 0)
        with pytest.raises(PictureError, match=why):
            WholePictures(source, ranges, 16)
    with pytest.raises(InputError, match="give a picture or more"):
        RecognitionSamples(LabelledPictures((), ()), ranges, 16, 4, 0)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    for name in CLASSES:
        (folder / name / "more").mkdir(parents=True)
        for place in ("a.png", "more/b.jpg"):
            Image.new("RGB", (12, 10), (200, 40, 9)).save(folder / name / place)
    (folder / "cat" / ".DS_Store").touch()
    (folder / "cat" / "notes.txt").touch()
    return folder


def test_a_folder_of_classes_is_read(pets: Path) -> None:
    files = labelled_files(pets, CLASSES)
    assert [(file.path.name, file.label) for file in files] == [
        *(("a.png", 0), ("b.jpg", 0), ("notes.txt", 0), ("a.png", 1), ("b.jpg", 1)),
    ]
    reversed_labels = [file.label for file in labelled_files(pets, CLASSES[::-1])]
    assert reversed_labels == [0, 0, 1, 1, 1]
    found = read_labelled(files, CLASSES)
    assert [picture.label for picture in found.pictures] == [0, 0, 1, 1]
    (reason,) = found.left_out
    assert "unknown extension '.txt' of notes.txt" in reason
    assert found.pictures[0].pixels.shape == (3, 10, 12)
    assert found.pictures[0].pixels[:, 5, 5].tolist() == [200, 40, 9]


def test_a_table_is_read(pets: Path) -> None:
    table = pets.parent / "labels.csv"
    table.write_text("file,label\ncat/a.png,dog\n\ndog/more/b.jpg, cat\n", encoding="utf-8-sig")
    files = labelled_files(pets, CLASSES, table)
    assert [(file.path, file.label) for file in files] == [
        (pets / "cat" / "a.png", 1),
        (pets / "dog" / "more" / "b.jpg", 0),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not begin with the line file,label"),
        ("name,class\ncat/a.png,cat\n", "does not begin with the line file,label"),
        ("file,label\ncat/gone.png,cat\n", "line 2: .*gone.png does not exist"),
        ("file,label\ncat/a.png,cow\n", "line 2: label 'cow' is no class of the model"),
        ("file,label\ncat/a.png\n", "line 2: has 1 fields"),
        ("file,label\ncat/notes.txt,cat\n", "line 2: unknown extension '.txt' of notes.txt"),
        ("file,label\ncat/a.png,cat\ncat/a.png,dog\n", "more than once"),
        ("file,label\ncat/a.png,cat\n", "lists no picture of class 'dog'"),
        ("file,label\n", "lists no picture of class 'cat'"),
    ],
)
def test_a_wrong_table_is_refused_in_a_line(pets: Path, text: str, message: str) -> None:
    table = pets.parent / "labels.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        labelled_files(pets, CLASSES, table)
    assert "\n" not in str(refused.value)


def test_a_wrong_folder_is_refused_in_a_line(pets: Path) -> None:
    def refused(message: str, classes: tuple[str, ...] = CLASSES, **others: Any) -> None:
        with pytest.raises(InputError, match=message):
            labelled_files(others.pop("folder", pets), classes, **others)

    refused("no such folder", folder=pets / "gone")
    refused("is a file", folder=pets / "cat" / "a.png")
    refused("unknown extension '.txt'", table=pets / "labels.txt")
    refused("no such table", table=pets / "labels.csv")
    (pets / "labels.csv").write_bytes(b"file,label\n\xff\xfe,cat\n")
    refused("not a readable table", table=pets / "labels.csv")
    refused("dog: is no class of the model", ("cat", "cow"))
    refused("cow: no folder for class 'cow'", ("cat", "dog", "cow"))
    refused("one class alone, 'more'", folder=pets / "cat")
    refused("holds no folder of a class", folder=pets / "cat" / "more")
    (pets / "cow").mkdir()
    refused("class 'cow' has no picture", ("cat", "dog", "cow"))
    (pets / "cow" / "a.gif").touch()
    refused("unknown extension '.gif' of a.gif", ("cat", "dog", "cow"))


def test_an_unreadable_picture_is_named_and_the_rest_goes_on(pets: Path) -> None:
    (pets / "dog" / "broken.png").write_bytes(b"\x89PNG no more")
    files = labelled_files(pets, CLASSES)
    found = read_labelled(files, CLASSES)
    assert len(found.pictures) == 4
    _, reason = found.left_out
    assert str(pets / "dog" / "broken.png") in reason
    assert "\n" not in reason
    assert samples_of(found).left_out == found.left_out
    with pytest.raises(PictureError, match=r"class 'dog' has no readable picture: .*broken.png"):
        read_labelled([file for file in files if "broken" in file.path.name], CLASSES)


def samples_of(source: LabelledPictures) -> RecognitionSamples:
    return RecognitionSamples(source, SampleRange(), 16, 4, 0)


def test_shapes_are_drawn_inside_and_again(tmp_path: Path) -> None:
    for shape in SHAPES:
        for seed in range(20):
            one, same = (draw_shape(shape, 32, np.random.default_rng(seed), 0.0) for _ in range(2))
            assert torch.equal(one, same)
            border = torch.cat([one[:, 0], one[:, -1], one[:, :, 0], one[:, :, -1]], 1)
            assert float((border - border[:, :1]).abs().max()) < 0.51
            inside = (one - one[:, :1, :1]).abs().amax(0) > 0.05
            assert 0.01 < float(inside.float().mean()) < 0.5
    with pytest.raises(InputError, match="give one of cross, disk"):
        draw_shape("star", 32, np.random.default_rng(0))  # type: ignore[arg-type]
    write_shapes(tmp_path, 2, 16, seed=1)
    files = labelled_files(tmp_path, SHAPES)
    assert len(files) == 8
