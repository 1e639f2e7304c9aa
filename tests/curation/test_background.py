"""Flat and transparent backgrounds: found to the pixel, and not seen in photographs."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge_sdk.curation import Background, Measured
from edge_sdk.curation.criteria.background import LEAST_AREA, flat_share
from edge_sdk.curation.opened import open_picture
from edge_sdk.errors import InputError
from tests.builders.collections import photo
from tests.examples import examples
from tests.needs import needs


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Levels that no two neighbors share."""
    levels = np.random.default_rng(seed).integers(0, 100, (height, width, 3), np.uint8)
    levels[..., 0] = (np.add.outer(np.arange(height), np.arange(width)) % 2) * 100 + 1
    return levels


def searched(colors: np.ndarray, transparent: np.ndarray) -> float:
    """The share by a plain search from every pixel of the border."""
    height, width = transparent.shape
    done = transparent.copy()
    flat = 0
    for start in np.ndindex(height, width):
        at_border = start[0] in (0, height - 1) or start[1] in (0, width - 1)
        if not at_border or done[start]:
            continue
        done[start] = True
        area, queue = 0, deque([start])
        while queue:
            row, column = queue.popleft()
            area += 1
            for place in (
                (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)
            ):  # fmt: skip
                inside = 0 <= place[0] < height and 0 <= place[1] < width
                if inside and not done[place] and (colors[place] == colors[row, column]).all():
                    done[place] = True
                    queue.append(place)
        flat += area if area >= max(2, height * width * LEAST_AREA) else 0
    return flat / (height * width)


@examples(60)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_areas_are_those_of_a_plain_search(
    height: int, width: int, channels: int, seed: int
) -> None:
    draws = np.random.default_rng(seed)
    colors = draws.integers(0, 2, (height, width, channels), np.uint8)
    transparent = draws.random((height, width)) < 0.2
    before = colors.copy()
    assert flat_share(colors, transparent) == pytest.approx(searched(colors, transparent))
    assert (colors == before).all()


def test_a_flat_border_is_found_to_the_pixel() -> None:
    levels = np.full((60, 80, 3), 254, np.uint8)
    levels[7:50, 11:70] = noise(43, 59)
    assert flat_share(levels) == 1 - 43 * 59 / (60 * 80)
    levels[:, :11] = noise(60, 11)
    levels[:7] = noise(7, 80)
    assert flat_share(levels) == (60 * 80 - 43 * 59 - 60 * 11 - 7 * 69) / (60 * 80)


def test_an_area_inside_and_one_a_level_off_are_none() -> None:
    levels = noise(60, 80)
    levels[20:40, 20:60] = 255
    assert flat_share(levels) == 0
    levels[:20] = 254
    assert flat_share(levels) == 20 / 60


def test_bars_at_both_sides_add_up() -> None:
    levels = noise(60, 80)
    levels[:10], levels[-10:] = 0, 3
    assert flat_share(levels) == 20 / 60


@needs("examples")
def test_photographs_with_a_sky_are_not_flat() -> None:
    for name in ("rocket", "coffee", "chelsea"):
        assert flat_share(np.array(photo(name))) < 0.01, name


def test_transparency_counts_beside_flat_areas(tmp_path: Path) -> None:
    levels = np.dstack([noise(40, 100), np.full((40, 100), 255, np.uint8)])
    levels[:, :30, 3] = 0
    levels[:, 30:50, 3] = 127
    levels[:, 50:60, 3] = 128
    levels[:, 90:, :3] = 7
    Image.fromarray(levels).save(tmp_path / "cut.png")
    found = Background().measure(open_picture(tmp_path / "cut.png"))
    assert found == {"transparent_share": 0.5, "flat_share": 0.1}


def test_16_bits_are_compared_as_8(tmp_path: Path) -> None:
    import cv2

    levels = noise(40, 50).astype(np.uint16) * 257
    levels[:20] = 30_000 + np.arange(50)[:, None] % 2
    cv2.imwrite(str(tmp_path / "deep.png"), levels)
    found = Background().measure(open_picture(tmp_path / "deep.png"))
    assert found["flat_share"] == 0.5


@pytest.mark.parametrize(
    ("shares", "kept"), [((0.1, 0.1), True), ((0.2, 0.11), False), ((0, 0.3), True)]
)
def test_both_shares_are_held_against_the_limit(shares: tuple[float, float], kept: bool) -> None:
    numbers = {"transparent_share": shares[0], "flat_share": shares[1]}
    (found,) = Background(0.3).judge([Measured(Path("a.png"), 9, 9, numbers)])
    assert (found is None) == kept


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"must be in \[0, 1\]"):
        Background(share)
