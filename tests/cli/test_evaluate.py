from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from edge_sdk.zoo.catalogue import ROOT
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = needs("tflite")


@pytest.fixture
def files(run: Run, burst_folder: Path, shipped_tflite: Path) -> Path:
    """A folder of two pictures and a converted model, in the working folder."""
    Path("photos").mkdir()
    for name, box in (("a", (0, 0, 120, 100)), ("b", (40, 40, 130, 130))):
        Image.open(burst_folder / "photo.png").crop(box).save(f"photos/{name}.png")
    shutil.copy(shipped_tflite, "m.tflite")
    return Path("photos")


def test_model_file_and_bicubic_in_one_table(run: Run, files: Path) -> None:
    outcome = run("evaluate", "sr_x2_y", "m.tflite", "--data", files, "--json")
    assert outcome.status == 0
    rows = json.loads(outcome.out)["rows"]
    assert [row["method"] for row in rows] == ["bicubic", "sr_x2_y", "m.tflite"]
    bicubic, model, file = (row["folders"][0] for row in rows)
    assert model["psnr_db"] > bicubic["psnr_db"]
    assert model["psnr_db"] == pytest.approx(file["psnr_db"], abs=0.01)
    assert [picture["picture"] for picture in file["pictures"]] == ["a.png", "b.png"]
    shown = run("evaluate", "m.tflite", "--model", "sr_x2_y", "--data", files)
    assert f"{file['psnr_db']:.2f} / {file['ssim']:.4f}" in shown.out
    assert "photos (2)" in shown.out


@pytest.mark.slow
def test_codes_in_a_model_file_are_scored(run: Run, files: Path) -> None:
    shutil.copy(ROOT / "sr_x2_y" / "int8.safetensors", "int8.safetensors")
    size = ("--size", "48x48", "-o", "int8.tflite")
    converted = run("convert", "int8.safetensors", "-t", "tflite", "--precision", "int8", *size)
    assert converted.status == 0
    given = ("sr_x2_y", "int8.safetensors", "int8.tflite")
    outcome = run("evaluate", *given, "--data", files, "--json")
    assert outcome.status == 0
    _, model, codes, file = json.loads(outcome.out)["rows"]
    assert [row["precision"] for row in (model, codes, file)] == ["fp32", "int8", "int8"]
    scores = [row["folders"][0]["psnr_db"] for row in (model, codes, file)]
    assert scores[1] == pytest.approx(scores[2], abs=0.02)
    assert scores[1] < scores[0]


def test_small_pictures_are_left_out_of_all_rows(run: Run, files: Path) -> None:
    arguments = ("evaluate", "sr_x2_y", "m.tflite", "--data", files)
    before = json.loads(run(*arguments, "--json").out)["rows"]
    Image.open(files / "a.png").crop((0, 0, 62, 90)).save(files / "c.png")
    after = json.loads(run(*arguments, "--json").out)["rows"]
    for old, new in zip(before, after, strict=True):
        assert old["folders"][0].pop("left_out") == []
        assert new["folders"][0].pop("left_out") == ["c.png"]
        assert old == new
    shown = run(*arguments).out
    assert "left out of all rows, smaller than a file's window: c.png" in shown
    assert "photos (2)" in shown


def test_bicubic_alone(run: Run, files: Path) -> None:
    rows = json.loads(run("evaluate", "--scale", 4, "-d", files, "--json").out)["rows"]
    assert [row["method"] for row in rows] == ["bicubic"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("sr_x2_y",), "no pictures"),
        (("--data", "photos"), "--scale"),
        (("sr_x2_y", "--data", "none"), "none: no such folder"),
        (("sr_x2_y", "--data", "empty"), "empty: holds no picture"),
        (("sr_x2_y", "--data", "broken"), "broken/x.png"),
        (("sr_x2_y", "--data", "tiny"), "tiny/x.png"),
        (("m.tflite", "--data", "photos"), "--model"),
        (("sr_x2_y", "none.tflite", "--data", "photos"), "none.tflite"),
        (("sr_x2_y", "m.tflite", "--data", "photos", "--runtime", "npu"), "npu"),
        (("sr_x2_y", "m.tflite", "--data", "photos", "--runtime", "executorch"), "executorch"),
        (("sr_x2_y", "--data", "photos", "--scale", 3), "leave out --scale"),
        (("sr_x2_y", "--data", "photos", "--sigma", 5), "leave sigma out"),
        (("sr_x2_y", "--data", "photos", "--sigma", "nan"), "sigma"),
        (("--scale", 0, "--data", "photos"), "scale"),
        (("teapot", "--data", "photos"), "teapot"),
    ],
)
def test_bad_input(run: Run, files: Path, arguments: tuple[object, ...], word: str) -> None:
    Path("empty").mkdir()
    for folder in ("broken", "tiny"):
        Path(folder).mkdir()
    Path("broken/x.png").write_text("no picture")
    Image.new("RGB", (8, 8)).save("tiny/x.png")
    assert word in run("evaluate", *arguments).error_line


@pytest.fixture
def shapes(run: Run) -> Path:
    """A network for shapes and a folder of them, in the working folder."""
    from edge_sdk.data.recognition.shapes import SHAPES, write_shapes
    from edge_sdk.models import save_checkpoint
    from tests.builders.recognition_networks import seeded_network

    save_checkpoint(seeded_network(SHAPES), Path("net.safetensors"))
    write_shapes(Path("shapes"), 2, 40, 0, 0.05)
    return Path("shapes")


def test_classes_have_recalls_and_a_table(run: Run, shapes: Path) -> None:
    (shapes / "disk" / "broken.png").write_bytes(b"BM no more")
    outcome = run("evaluate", "net.safetensors", "--data", shapes)
    assert outcome.status == 0, outcome.err
    assert "shapes: 8 pictures" in outcome.out
    assert "as triangle" in outcome.out
    (line,) = outcome.err.splitlines()
    assert line.startswith("note: left out: shapes/disk/broken.png")
    report = json.loads(run("evaluate", "net.safetensors", "--data", shapes, "--json").out)
    (row,) = report["rows"]
    assert (row["method"], row["runtime"], row["precision"]) == ("net", "PyTorch", "fp32")
    result = row["result"]
    assert result["classes"] == ["cross", "disk", "square", "triangle"]
    assert [sum(counts) for counts in result["confusion"]] == [2, 2, 2, 2]
    assert result["top1"] == sum(result["confusion"][i][i] for i in range(4)) / 8
    assert len(report["left_out"]) == 1
    Path("labels.csv").write_text(
        "file,label\n"
        + "".join(
            f"{path},{path.parts[1]}\n"
            for path in sorted(shapes.glob("[cdst]*/*.png"))
            if path.name != "broken.png"
        )
    )
    labelled = run("evaluate", "net.safetensors", "-d", ".", "--labels", "labels.csv", "--json")
    assert json.loads(labelled.out)["rows"] == [row]


def test_what_does_not_fit_classes_is_refused(run: Run, shapes: Path) -> None:
    def line(*arguments: object) -> str:
        return run("evaluate", *arguments).error_line

    net = "net.safetensors"
    assert "one after the other" in line(net, "sr_x2_y", "--data", shapes)
    assert "give one --data" in line(net, "--data", shapes, "--data", shapes)
    assert "leave them out" in line(net, "--data", shapes, "--scale", 2)
    assert "leave it out" in line(net, "--data", shapes, "--keep-branches")
    assert "--labels is for models" in line("sr_x2_y", "--data", shapes, "--labels", "a.csv")
    assert "no such table" in line(net, "--data", shapes, "--labels", "a.csv")
    assert "one class alone" in line(net, "--data", ".")
    Path("other").mkdir()
    assert "other: is no class of the model" in line(net, "--data", ".")
    for path in (shapes / "disk").iterdir():
        path.unlink()
    assert "class 'disk' has no picture" in line(net, "--data", shapes)
