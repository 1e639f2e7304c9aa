from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.burst.encode import MAX_RESIDUAL_PX
from edge_sdk.burst.tiles import Tile, crop_frame, fitting_inside_px, tiles
from edge_sdk.registration import EuclideanMotion, transform

sides = st.integers(1, 300)
motions = st.builds(EuclideanMotion, st.floats(-20, 20), st.floats(-20, 20), st.floats(-1.5, 1.5))


@given(sides, sides, st.sampled_from([16, 32, 128]))
def test_tiles_cover_exactly(height: int, width: int, inside_px: int) -> None:
    count = torch.zeros(height, width, dtype=torch.int64)
    for tile in tiles(height, width, inside_px):
        assert 1 <= tile.height <= inside_px
        assert 1 <= tile.width <= inside_px
        count[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert bool((count == 1).all())


@given(motions, st.integers(0, 60), st.integers(0, 80))
def test_crop_and_rest_make_the_motion(motion: EuclideanMotion, top: int, left: int) -> None:
    height, width, inside, halo = 97, 120, 16, 5
    side = inside + 2 * halo
    # Each pixel holds its own place, so that the crop tells where it was cut.
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64),
        torch.arange(width, dtype=torch.float64),
        indexing="ij",
    )
    frame = torch.stack((columns, rows, rows * 0))
    crop = crop_frame(frame, motion.matrix, Tile(top, left, inside, inside), side, halo)
    axis = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    x0, xx, xy, y0, yx, yy = crop.motion.flatten()
    on_frame = crop.confidence[0] == 1
    found_x = crop.pixels[0] + x0 + xx * x + xy * y
    found_y = crop.pixels[1] + y0 + yx * x + yy * y
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)
    corner = torch.tensor([left - halo, top - halo], dtype=torch.float64)
    places = torch.stack((x, y), -1) + (side - 1) / 2 + corner - middle
    moved = transform(motion.matrix, places.reshape(-1, 2)).reshape(side, side, 2) + middle
    torch.testing.assert_close(found_x[on_frame], moved[..., 0][on_frame], rtol=0, atol=1e-9)
    torch.testing.assert_close(found_y[on_frame], moved[..., 1][on_frame], rtol=0, atol=1e-9)
    assert max(abs(float(x0)), abs(float(y0))) <= 0.5


def test_beyond_the_frame_the_edge_is_repeated_and_not_trusted() -> None:
    frame = torch.rand(3, 40, 50)
    still = torch.eye(3, dtype=torch.float64)
    crop = crop_frame(frame, still, Tile(0, 32, 16, 16), 24, 4)
    assert crop.pixels.shape == (3, 24, 24)
    assert torch.equal(crop.pixels[:, 4:, :22], frame[:, :20, 28:50])
    assert torch.equal(crop.pixels[:, 0, :22], frame[:, 0, 28:50])
    expected = torch.zeros(1, 24, 24)
    expected[:, 4:, :22] = 1
    assert torch.equal(crop.confidence, expected)


def test_a_crop_far_outside_shows_nothing() -> None:
    crop = crop_frame(
        torch.rand(3, 40, 50), EuclideanMotion(500, 0, 0).matrix, Tile(0, 0, 16, 16), 24, 4
    )
    assert float(crop.confidence.max()) == 0.0
    assert bool(torch.isfinite(crop.pixels).all())


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.8, 1.2, 2.0, -2.0])
def test_the_rest_stays_small_in_tiles_that_fit(angle: float) -> None:
    motion = EuclideanMotion(3.3, -2.7, angle)
    halo = 20
    inside = fitting_inside_px([motion.matrix], (128, 64, 32, 16), halo)
    assert inside is not None
    side = inside + 2 * halo
    frame = torch.zeros(3, 300, 300)
    for tile in tiles(300, 300, inside):
        x0, xx, xy, y0, yx, yy = crop_frame(frame, motion.matrix, tile, side, halo).motion.flatten()
        reach = (side - 1) / 2
        assert abs(x0) + (abs(xx) + abs(xy)) * reach <= MAX_RESIDUAL_PX
        assert abs(y0) + (abs(yx) + abs(yy)) * reach <= MAX_RESIDUAL_PX


def test_larger_turns_need_smaller_tiles() -> None:
    sizes = [
        fitting_inside_px([EuclideanMotion(0, 0, angle).matrix], (128, 64, 32, 16), 20)
        for angle in (0.1, 0.6, 0.9, 1.4, 10.0)
    ]
    assert sizes[0] == 128
    assert sizes[-1] is None
    known = [size for size in sizes if size is not None]
    assert known == sorted(known, reverse=True)
    assert len(set(known)) > 1
