from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Metadata, Picture, psnr, read_picture, write_picture
from tests.cli.command_line import Run
from tests.needs import needs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    photo = example_photo("coffee")[:, 100:260, 200:400]
    alpha = torch.linspace(0, 1, 200).expand(1, 160, 200).contiguous()
    write_picture(Picture(photo, Metadata(alpha=alpha, bit_depth=16)), folder / "deep.png")
    write_picture(Picture(photo[:, :33, :47].contiguous()), folder / "small.jpg")
    gray = photo.mean(0, keepdim=True).repeat(3, 1, 1)
    write_picture(Picture(gray, Metadata(gray=True)), folder / "gray.png")
    return folder


def test_a_folder_keeps_names_and_what_the_files_hold(run: Run, folder: Path) -> None:
    outcome = run("enhance", "photos", "-o", "out", "--json")
    assert outcome.status == 0
    results = json.loads(outcome.out)["pictures"]
    assert [Path(result["path"]).name for result in results] == [
        "deep.png",
        "gray.png",
        "small.jpg",
    ]
    deep = read_picture(Path("out/deep.png"))
    assert (deep.width, deep.height, deep.metadata.bit_depth) == (400, 320, 16)
    assert deep.metadata.alpha is not None
    assert (read_picture(Path("out/small.jpg")).width) == 94
    gray = np.asarray(Image.open("out/gray.png"))
    assert gray.ndim == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "runtime",
    [
        pytest.param("litert", marks=needs("tflite")),
        pytest.param("executorch", marks=needs("executorch")),
    ],
)
def test_runtimes_give_the_same_picture(run: Run, folder: Path, runtime: str) -> None:
    assert run("enhance", "photos/deep.png", "-o", "eager").status == 0
    assert run("enhance", "photos/deep.png", "-o", "other", "--runtime", runtime).status == 0
    eager, other = (read_picture(Path(name) / "deep.png").pixels for name in ("eager", "other"))
    assert psnr(eager, other) > 85


@pytest.mark.slow
@needs("tflite")
def test_converted_models_take_small_pictures(run: Run, folder: Path) -> None:
    small = Picture(example_photo("coffee")[:, :40, :57])
    write_picture(small, folder / "small.png")
    write_picture(Picture(small.pixels[:, :12, :12]), folder / "tiny.png")
    assert run("enhance", "photos/small.png", "-o", "eager").status == 0
    outcome = run(
        "enhance", "photos/small.png", "photos/tiny.png", "-o", "o", "--runtime", "tflite"
    )
    assert outcome.status == 1
    assert "tiny.png: 12×12 px is too small for a converted model" in outcome.err
    eager, other = (read_picture(Path(name) / "small.png").pixels for name in ("eager", "o"))
    assert psnr(eager, other) > 85


def test_one_bad_picture_does_not_stop_the_others(run: Run, folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    outcome = run("enhance", "photos", "-o", "out")
    assert outcome.status == 1
    assert outcome.err.count("error: ") == 1
    assert "bad.png" in outcome.err
    assert len(list(Path("out").iterdir())) == 3


def test_bad_input(run: Run, folder: Path) -> None:
    assert "no pictures" in run("enhance").error_line
    assert "another folder" in run("enhance", "photos/gray.png", "-o", "photos").error_line
    assert "unknown runtime" in run("enhance", "photos", "--runtime", "tpu").error_line
    assert "neither" in run("enhance", "photos", "--model", "nothing").error_line
    assert "did you mean sr_x2_y" in run("enhance", "photos", "--model", "sr_x2_Y").error_line
    assert "cannot be created" in run("enhance", "photos", "-o", "/proc/x").error_line
    Path("empty").mkdir()
    assert "holds no picture" in run("enhance", "empty").error_line
    Path("more").mkdir()
    (Path("more") / "gray.png").write_bytes((folder / "gray.png").read_bytes())
    assert "one by one" in run("enhance", "photos", "more").error_line
    Path("file").write_text("")
    assert "file" in run("enhance", "photos", "-o", "file").error_line
    assert run("enhance", "photos", "-o", "missing/deeper").error_line


def test_a_folder_in_which_nothing_came_goes_again(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    assert run("enhance", "text.png", "-o", "made").status != 0
    assert not Path("made").exists()
    Path("kept").mkdir()
    assert run("enhance", "text.png", "-o", "kept").status != 0
    assert Path("kept").is_dir()
