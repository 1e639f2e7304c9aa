"""Frames of a folder: which files they are, and what is refused among them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from edge_sdk.burst.frames.files import gather_frames
from edge_sdk.burst.frames.folder import inside
from edge_sdk.errors import InputError, PictureError
from tests.builders.camera_folders import shoot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(3):
        shoot(tmp_path / f"{index}.jpg", 1, None, left=index)
    return tmp_path


def test_hidden_files_devices_and_folders_are_no_frames(folder: Path) -> None:
    (folder / ".thumbnail.jpg").write_bytes((folder / "0.jpg").read_bytes())
    (folder / ".note").write_text("")
    (folder / "deeper").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    frames, others = gather_frames([folder])
    assert [path.name for path in frames] == ["0.jpg", "1.jpg", "2.jpg"]
    assert others == ()
    assert [path.name for path in inside(folder).folders] == ["deeper"]


@pytest.mark.parametrize(
    ("target", "reason"), [("gone.jpg", "is a link to a file that is gone"), ("3.jpg", "cannot be")]
)
def test_a_link_that_leads_nowhere_is_named(folder: Path, target: str, reason: str) -> None:
    (folder / "3.jpg").symlink_to(target)
    with pytest.raises(PictureError, match=rf"3\.jpg: {reason}.*; remove .* one by one$"):
        gather_frames([folder])


def test_names_that_lead_nowhere_are_left_to_whoever_reads_them(tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    named = (tmp_path / "loop.png", tmp_path / ("x" * 300))
    assert gather_frames(named, tmp_path / "z.png") == (named, ())


def test_an_earlier_result_among_the_frames_is_none(folder: Path) -> None:
    shoot(folder / "zoomed.jpg", 1, None, size=(80, 60))
    frames, others = gather_frames([folder], folder / "zoomed.jpg")
    assert [path.name for path in frames] == ["0.jpg", "1.jpg", "2.jpg"]
    assert others == ()


@pytest.mark.parametrize("kind", ["itself", "link", "turned"])
def test_a_frame_of_the_folder_is_not_replaced(folder: Path, kind: str) -> None:
    output = folder / "1.jpg"
    if kind == "link":
        output = folder.parent / "elsewhere.jpg"
        output.symlink_to(folder / "1.jpg")
    if kind == "turned":
        Image.open(output).transpose(Image.Transpose.ROTATE_90).save(output)
    with pytest.raises(InputError, match=r"may be one; give another name .* or remove it first"):
        gather_frames([folder], output)


def test_a_folder_that_holds_the_output_alone_is_called_so(tmp_path: Path) -> None:
    output = shoot(tmp_path / "z.jpg", 1, None)
    with pytest.raises(InputError, match=r"holds no picture but .*z\.jpg, which is to be written"):
        gather_frames([tmp_path], output)
