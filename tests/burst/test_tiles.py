from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.burst.driver.tiles import Strip, bands, crop_frame, crop_reference, reach_rows
from edge_sdk.burst.stages.encode import MAX_OFFSET_PX
from edge_sdk.errors import InputError
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration import EuclideanMotion, MotionField, transform

HEIGHT, WIDTH, INSIDE, HALO = 97, 120, 16, 5
SIDE = INSIDE + 2 * HALO
sides = st.integers(1, 300)
motions = st.builds(EuclideanMotion, st.floats(-20, 20), st.floats(-20, 20), st.floats(-1.5, 1.5))


def field_of(motion: EuclideanMotion) -> MotionField:
    return MotionField(motion.matrix, HEIGHT, WIDTH)


def places() -> Strip:
    """A frame whose pixels hold their own places, so that a crop tells where it was cut."""
    rows, columns = torch.meshgrid(
        torch.arange(float(HEIGHT)), torch.arange(float(WIDTH)), indexing="ij"
    )
    return Strip(torch.stack((columns, rows, rows * 0)), 0, HEIGHT)


@given(sides, sides, st.integers(0, 50), st.integers(0, 50), st.sampled_from([16, 32, 128]))
def test_tiles_cover_exactly(height: int, width: int, top: int, left: int, inside: int) -> None:
    count = torch.zeros(height + top, width + left, dtype=torch.int64)
    sides = {
        tile.height
        for row in bands(Rectangle(left=left, top=top, width=width, height=height), inside)
        for tile in row
    }
    assert max(sides) - min(sides) <= 1
    for tile in (
        tile
        for row in bands(Rectangle(left=left, top=top, width=width, height=height), inside)
        for tile in row
    ):
        assert 1 <= tile.height <= inside
        assert 1 <= tile.width <= inside
        count[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert bool((count[top:, left:] == 1).all())
    assert int(count.sum()) == height * width


@given(motions, st.integers(0, 60), st.integers(0, 80))
def test_samples_lie_where_the_crop_says(motion: EuclideanMotion, top: int, left: int) -> None:
    tile = Rectangle(top=top, left=left, height=INSIDE, width=INSIDE)
    crop = crop_frame(places(), field_of(motion), tile, HALO)
    axis = torch.arange(SIDE, dtype=torch.float64)
    x = axis[None, :] + crop.offset[0] + (left - HALO - (WIDTH - 1) / 2)
    y = axis[:, None] + crop.offset[1] + (top - HALO - (HEIGHT - 1) / 2)
    moved = transform(motion.matrix, torch.stack((x, y), -1).reshape(-1, 2)).reshape(SIDE, SIDE, 2)
    on_frame = crop.confidence[0] == 1
    for axis_index, length in ((0, WIDTH), (1, HEIGHT)):
        found = crop.pixels[axis_index].double() - (length - 1) / 2
        torch.testing.assert_close(
            found[on_frame], moved[..., axis_index][on_frame], rtol=0, atol=1e-4
        )
    assert float(crop.offset.abs().max()) <= MAX_OFFSET_PX


@pytest.mark.slow
@given(motions, st.integers(0, 60))
def test_the_rows_that_are_read_are_all_that_is_needed(motion: EuclideanMotion, top: int) -> None:
    whole, field = places(), field_of(motion)
    row = next(bands(Rectangle(left=0, top=top, width=WIDTH, height=INSIDE), INSIDE))
    first, last = reach_rows(field, row, HALO)
    strip = Strip(whole.pixels[:, first:last], first, HEIGHT)
    for tile in row:
        part = crop_frame(strip, field, tile, HALO)
        full = crop_frame(whole, field, tile, HALO)
        assert torch.equal(part.confidence, full.confidence)
        inside = full.confidence.bool().expand(3, -1, -1)
        assert torch.equal(part.pixels[inside], full.pixels[inside])


def test_motion_that_varies_is_followed() -> None:
    offsets = torch.zeros(3, 4, 2, dtype=torch.float64)
    offsets[..., 0] = torch.tensor([0.0, 2.0, 4.0, 6.0])
    matrix = torch.eye(3, dtype=torch.float64)
    field = MotionField(matrix, HEIGHT, WIDTH, offsets, torch.full((3, 4), 0.5).double())
    tile = Rectangle(top=32, left=48, height=INSIDE, width=INSIDE)
    crop = crop_frame(places(), field, tile, HALO)
    middle = SIDE // 2
    column = tile.left - HALO + middle
    point = torch.tensor([[column - (WIDTH - 1) / 2, 0.0]], dtype=torch.float64)
    expected = float(field.at(point)[0, 0]) + (WIDTH - 1) / 2
    assert abs(float(crop.pixels[0, middle, middle]) - expected) <= 0.51
    assert float(crop.confidence[0, middle, middle]) == pytest.approx(0.5)


def test_beyond_the_frame_the_edge_is_repeated_and_not_trusted() -> None:
    frame = torch.rand(3, 40, 50)
    crops = (
        crop_reference(Strip(frame, 0, 40), Rectangle(top=0, left=32, height=16, width=16), 4),
        crop_frame(
            Strip(frame, 0, 40),
            MotionField(torch.eye(3, dtype=torch.float64), 40, 50),
            Rectangle(top=0, left=32, height=16, width=16),
            4,
        ),
    )
    expected = torch.zeros(1, 24, 24)
    expected[:, 4:, :22] = 1
    for crop in crops:
        assert torch.equal(crop.pixels[:, 4:, :22], frame[:, :20, 28:50])
        assert torch.equal(crop.pixels[:, 0, :22], frame[:, 0, 28:50])
        assert torch.equal(crop.confidence, expected)
        assert float(crop.offset.abs().max()) < 1e-5


def test_a_crop_far_outside_shows_nothing() -> None:
    field = field_of(EuclideanMotion(500, 0, 0))
    crop = crop_frame(places(), field, Rectangle(top=0, left=0, height=INSIDE, width=INSIDE), HALO)
    assert float(crop.confidence.max()) == 0.0
    assert bool(torch.isfinite(crop.pixels).all())


def test_a_region_is_read_from_text() -> None:
    assert Rectangle.parse("20,10, 64,48") == Rectangle(left=20, top=10, width=64, height=48)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,0,40,40"])
def test_text_that_is_no_region(text: str) -> None:
    with pytest.raises(InputError, match="X,Y,WIDTH,HEIGHT"):
        Rectangle.parse(text)


@pytest.mark.parametrize(
    ("region", "word"),
    [
        (Rectangle(left=-1, top=0, width=40, height=40), "does not lie"),
        (Rectangle(left=0, top=60, width=40, height=40), "does not lie"),
        (Rectangle(left=90, top=0, width=40, height=40), "does not lie"),
        (Rectangle(left=0, top=0, width=31, height=40), "too small"),
        (Rectangle(left=0, top=0, width=40, height=-5), "too small"),
    ],
)
def test_a_region_that_does_not_fit(region: Rectangle, word: str) -> None:
    with pytest.raises(InputError, match=word):
        region.check(HEIGHT, WIDTH, 32)
