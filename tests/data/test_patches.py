from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge_sdk.data.samples.patches import PatchDataset, PicturePair, list_pictures, picture_pair
from edge_sdk.errors import InputError, PictureError
from edge_sdk.models import Color
from tests.examples import examples


def coded_pair(height: int, width: int, scale: int, name: str = "a.png") -> PicturePair:
    """Pair whose high picture is the low one enlarged, so that a patch can be checked exactly."""
    low = torch.randint(0, 256, (1, height, width), dtype=torch.uint8)
    high = low.repeat_interleave(scale, -1).repeat_interleave(scale, -2)
    return PicturePair(low, high, name)


def write(path: Path, height: int, width: int, level: int | None = None) -> Path:
    pixels = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8)
    if level is not None:
        pixels.fill_(level)
    Image.fromarray(pixels.numpy()).save(path)
    return path


@examples(60)
@given(
    sides=st.lists(st.tuples(st.integers(5, 12), st.integers(5, 12)), min_size=1, max_size=3),
    patch=st.integers(1, 5),
    scale=st.integers(2, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_patches_of_both_resolutions_show_the_same_place(sides, patch, scale, seed) -> None:
    torch.manual_seed(seed)
    pairs = [coded_pair(height, width, scale) for height, width in sides]
    dataset = PatchDataset(pairs, patch, 4, seed)
    for low, high in (dataset[index] for index in range(4)):
        assert low.shape == (1, patch, patch)
        assert high.shape == (1, scale * patch, scale * patch)
        assert low.dtype == high.dtype == torch.float32
        assert torch.equal(high, low.repeat_interleave(scale, -1).repeat_interleave(scale, -2))


def test_an_index_and_a_seed_give_one_patch() -> None:
    pairs = [coded_pair(20, 30, 2)]
    first, second, other = (PatchDataset(pairs, 6, 50, seed) for seed in (1, 1, 2))
    assert len(first) == 50
    assert all(torch.equal(first[i][0], second[i][0]) for i in reversed(range(50)))
    assert sum(torch.equal(first[i][0], other[i][0]) for i in range(50)) < 5
    assert sum(torch.equal(first[0][0], first[i][0]) for i in range(50)) < 5


def test_every_place_and_orientation_is_drawn() -> None:
    low = torch.arange(16, dtype=torch.uint8).reshape(1, 4, 4)
    dataset = PatchDataset([PicturePair(low, low.repeat(1, 2, 2), "a")], 3, 600, 0)
    seen = {tuple((patch * 255).round().int().flatten().tolist()) for patch, _ in dataset}
    assert len(seen) == 4 * 8


def test_pictures_are_drawn_by_area() -> None:
    small = PicturePair(torch.zeros(1, 10, 10).byte(), torch.zeros(1, 20, 20).byte(), "small")
    large = PicturePair(torch.ones(1, 30, 10).byte(), torch.ones(1, 60, 20).byte(), "large")
    dataset = PatchDataset([small, large], 2, 2000, 0)
    share = sum(float(low.max()) > 0 for low, _ in dataset) / 2000
    assert share == pytest.approx(0.75, abs=0.04)


def test_a_dataset_ends() -> None:
    dataset = PatchDataset([coded_pair(8, 8, 2)], 4, 3, 0)
    assert len(list(dataset)) == 3
    for index in (-1, 3):
        with pytest.raises(IndexError, match="0 … 2"):
            dataset[index]


def test_pictures_smaller_than_a_patch_are_refused() -> None:
    with pytest.raises(PictureError, match=r"thin\.png: 5×9 px .* patch of 6 px"):
        PatchDataset([coded_pair(9, 9, 2), coded_pair(9, 5, 2, "thin.png")], 6, 1, 0)


@pytest.mark.parametrize("change", [{"pairs": []}, {"patch_px": 0}, {"length": -1}, {"seed": -1}])
def test_datasets_that_cannot_be_are_refused(change) -> None:
    arguments = {"pairs": [coded_pair(8, 8, 2)], "patch_px": 4, "length": 3, "seed": 0}
    with pytest.raises(InputError, match="give a picture or more"):
        PatchDataset(**arguments | change)


@examples(25)
@given(
    st.integers(4, 30),
    st.integers(4, 30),
    st.integers(1, 4),
    st.sampled_from(Color),
    st.floats(0.05, 1),
)
def test_pairs_fit_their_scale(
    tmp_path_factory, height, width, scale, color, resize_factor
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "pair.png", height, width)
    pair = picture_pair(path, scale, color, resize_factor)
    assert pair.low.dtype == pair.high.dtype == torch.uint8
    assert pair.low.shape[0] == color.channels
    assert min(pair.low.shape) >= 1
    assert pair.high.shape[1:] == tuple(scale * side for side in pair.low.shape[1:])
    assert pair.high.shape[1] <= max(scale, int(height * resize_factor))
    assert pair.name == str(path)


@pytest.mark.parametrize(("level", "luma"), [(0, 16), (255, 235)])
def test_flat_pictures_stay_flat(tmp_path: Path, level: int, luma: int) -> None:
    path = write(tmp_path / "flat.png", 13, 11, level)
    for resize_factor in (1.0, 0.7):
        pair = picture_pair(path, 2, Color.RGB, resize_factor)
        assert bool((pair.low == level).all())
        assert bool((pair.high == level).all())
        assert bool((picture_pair(path, 2, Color.Y, resize_factor).low == luma).all())


@pytest.mark.parametrize(
    ("scale", "resize_factor"), [(0, 1.0), (2, 0.0), (2, 1.5), (2, float("nan"))]
)
def test_scales_that_cannot_be_are_refused(
    tmp_path: Path, scale: int, resize_factor: float
) -> None:
    path = write(tmp_path / "a.png", 8, 8)
    with pytest.raises(InputError, match=r"resize_factor .* in \(0, 1\]"):
        picture_pair(path, scale, Color.Y, resize_factor)


def test_pictures_without_a_pixel_left_or_damaged_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"tiny\.png: 9×2 px cannot be reduced 3 times"):
        picture_pair(write(tmp_path / "tiny.png", 2, 9), 3, Color.Y)
    (tmp_path / "bad.png").write_bytes(b"junk")
    with pytest.raises(PictureError, match=r"bad\.png"):
        picture_pair(tmp_path / "bad.png", 2, Color.Y)


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "folder.png").mkdir()
    for name in ("z.PNG", "b/y.jpeg", "a.webp", "notes.txt"):
        (tmp_path / name).touch()
    names = [path.relative_to(tmp_path).as_posix() for path in list_pictures(tmp_path)]
    assert names == ["a.webp", "b/y.jpeg", "z.PNG"]


def test_lists_choose_in_their_own_order(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "ü.png"):
        (tmp_path / name).touch()
    names = tmp_path / "names.txt"
    names.write_text("b.png\n\n  ü.png \n", encoding="utf-8")
    assert [path.name for path in list_pictures(tmp_path, names)] == ["b.png", "ü.png"]


def test_folders_and_lists_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    with pytest.raises(InputError, match="no such folder"):
        list_pictures(tmp_path / "none")
    with pytest.raises(InputError, match="holds no picture"):
        list_pictures(tmp_path)
    with pytest.raises(InputError, match="no such list"):
        list_pictures(tmp_path, names)
    names.write_text("\n \n")
    with pytest.raises(InputError, match=r"names\.txt: holds no picture"):
        list_pictures(tmp_path, names)
    names.write_text("gone.png\n")
    with pytest.raises(InputError, match=r"lists .*gone\.png, which does not exist"):
        list_pictures(tmp_path, names)
    names.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a readable text file"):
        list_pictures(tmp_path, names)
