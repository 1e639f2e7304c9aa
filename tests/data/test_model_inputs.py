from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.data.samples.model_inputs import LARGEST_SIDE_PX, MAX_PICTURES, picture_inputs
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Picture, rgb_to_ycbcr, write_picture
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig

SPEC = EnhanceNet(EnhanceNetConfig(widths=(4,), skips=())).spec
RGB = torch.rand(1, 3, 8, 10)
LUMA = torch.rand(1, 1, 8, 10)


def picture(path: Path, height: int = 21, width: int = 30) -> torch.Tensor:
    generator = torch.Generator().manual_seed(height)
    pixels = (torch.rand(3, height, width, generator=generator) * 255).round() / 255
    write_picture(Picture(pixels), path)
    return pixels


def test_a_model_with_a_spec_gets_whole_pictures_in_its_color(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "a.png")
    (luma,) = picture_inputs(tmp_path, LUMA, SPEC).tensors
    torch.testing.assert_close(luma[0], rgb_to_ycbcr(pixels)[:1])
    (rgb,) = picture_inputs(tmp_path, RGB, replace(SPEC, color=Color.RGB)).tensors
    torch.testing.assert_close(rgb[0], pixels)


def test_sizes_are_cut_to_the_multiple_in_the_middle(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "a.png")
    spec = replace(SPEC, color=Color.RGB, size_multiple=4)
    (found,) = picture_inputs(tmp_path, RGB, spec).tensors
    torch.testing.assert_close(found[0], pixels[:, :20, 1:29])


def test_large_pictures_are_cut(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 20, LARGEST_SIDE_PX + 40)
    (found,) = picture_inputs(tmp_path, LUMA, SPEC).tensors
    assert found.shape == (1, 1, 20, LARGEST_SIDE_PX)


def test_another_model_gets_the_size_of_its_example(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "a.png")
    found = picture_inputs(tmp_path, RGB, None)
    torch.testing.assert_close(found.tensors[0][0], pixels[:, 6:14, 10:20])
    assert "10×8 px" in found.source


def test_of_many_pictures_the_first_are_taken_and_reported(tmp_path: Path) -> None:
    for index in range(MAX_PICTURES + 3):
        picture(tmp_path / f"{index:03}.png", 8, 10)
    found = picture_inputs(tmp_path, LUMA, SPEC)
    assert len(found.tensors) == MAX_PICTURES
    assert f"the first of {MAX_PICTURES + 3}" in found.source


def test_folders_and_pictures_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        picture_inputs(tmp_path / "none", LUMA, SPEC)
    with pytest.raises(InputError, match="no picture"):
        picture_inputs(tmp_path, LUMA, SPEC)
    picture(tmp_path / "a.png", 6, 6)
    with pytest.raises(PictureError, match=r"a.png: 6×6 px is smaller"):
        picture_inputs(tmp_path, RGB, None)
    with pytest.raises(PictureError, match=r"a.png: 6×6 px is smaller"):
        picture_inputs(tmp_path, LUMA, replace(SPEC, size_multiple=8))
    for example in (torch.rand(1, 4, 8, 8), torch.rand(5, 3)):
        with pytest.raises(InputError, match="pictures have 1 channel"):
            picture_inputs(tmp_path, example, None)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"b\.png"):
        picture_inputs(tmp_path, LUMA, SPEC)
