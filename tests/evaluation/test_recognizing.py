"""Models and files on labelled pictures: figures by hand, and what is refused or left out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from edge_sdk.errors import ArtifactError, InputError, PictureError
from edge_sdk.evaluation import FileRecognizer, ModelRecognizer, evaluate_recognition
from edge_sdk.models import Normalization, RecognitionNet, RecognitionNetConfig
from edge_sdk.models.spec import RecognitionSpec
from tests.needs import needs

LEVELS = {"dark": (10, 40, 200), "light": (250, 220, 30, 240)}
"""Gray levels of the pictures of each class; one dark picture is light, and one light is dark."""
SPEC = RecognitionSpec("by_brightness", ("dark", "light"), preview_px=8)


class ByBrightness(nn.Module):
    """Logits −(mean − threshold) and mean − threshold; keeps what it was given."""

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.threshold = threshold
        self.given: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.given.append(x)
        over = x.mean((1, 2, 3)) - self.threshold
        return torch.stack((-over, over), 1)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for name, levels in LEVELS.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for level in levels:
            picture = Image.new("L", (30, 20), level)
            picture.save(tmp_path / "photos" / name / f"{level:03}.png")
    return tmp_path / "photos"


def by_brightness(spec: RecognitionSpec = SPEC, threshold: float = 0.5) -> ModelRecognizer:
    return ModelRecognizer(ByBrightness(threshold), spec, "by brightness")


def test_figures_are_those_by_hand(pictures: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    found = evaluate_recognition(
        [by_brightness(), by_brightness(threshold=-1.0)],
        pictures,
        on_progress=lambda *step: steps.append(step),
    )
    result, always_light = (row.result for row in found.rows)
    assert result.confusion == ((2, 1), (1, 3))
    assert result.top1 == pytest.approx(5 / 7)
    assert result.balanced_recall == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert always_light.confusion == ((0, 3), (0, 4))
    assert always_light.balanced_recall == 0.5
    assert steps == [("photos", done, 7) for done in range(1, 8)]
    assert found.left_out == ()


def test_values_are_what_the_spec_says(pictures: Path) -> None:
    spec = replace(SPEC, preview_px=6, normalization=Normalization((0.5, 0.25, 0.0), (0.5, 2, 1)))
    network = ByBrightness()
    evaluate_recognition([ModelRecognizer(network, spec, "net")], pictures)
    first = network.given[0]
    assert first.shape == (1, 3, 6, 6)
    level = 10 / 255
    expected = torch.tensor([(level - 0.5) / 0.5, (level - 0.25) / 2, level])
    assert torch.allclose(first.mean((0, 2, 3)), expected, atol=1e-5)


def test_the_middle_is_what_counts(tmp_path: Path) -> None:
    for name, middle in (("dark", 0), ("light", 255)):
        (tmp_path / name).mkdir()
        picture = Image.new("L", (90, 30), 255 - middle)
        picture.paste(middle, (30, 0, 60, 30))
        picture.save(tmp_path / name / "a.png")
    assert evaluate_recognition([by_brightness()], tmp_path).rows[0].result.top1 == 1.0


def test_what_cannot_be_read_is_left_out_and_named(pictures: Path) -> None:
    whole = evaluate_recognition([by_brightness()], pictures)
    (pictures / "dark" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (pictures / "light" / "notes.txt").write_text("no picture")
    Image.new("L", (3, 3), 255).save(pictures / "light" / "tiny.png")
    found = evaluate_recognition([by_brightness()], pictures)
    assert found.rows == whole.rows
    broken, notes, tiny = found.left_out
    assert "broken.png" in broken
    assert "unknown extension '.txt' of notes.txt" in notes
    assert "tiny.png: 3×3 px are smaller than a cut" in tiny


def test_a_class_of_which_nothing_can_be_read_is_an_error(pictures: Path) -> None:
    for path in (pictures / "dark").iterdir():
        path.write_bytes(b"")
    with pytest.raises(PictureError, match=r"class 'dark' has no readable picture: .*is empty"):
        evaluate_recognition([by_brightness()], pictures)


def test_a_table_gives_the_labels(pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,label\ndark/200.png,light\nlight/030.png,dark\nlight/250.png,light\n")
    result = evaluate_recognition([by_brightness()], pictures, table).rows[0].result
    assert result.confusion == ((1, 0), (0, 2))
    table.write_text("file,label\ndark/nothing.png,dark\n")
    with pytest.raises(InputError, match=r"line 2: .*nothing\.png does not exist"):
        evaluate_recognition([by_brightness()], pictures, table)
    table.write_text("file,label\ndark/010.png,gray\n")
    with pytest.raises(InputError, match="label 'gray' is no class of the model"):
        evaluate_recognition([by_brightness()], pictures, table)
    table.write_text("file,label\ndark/010.png,dark\n")
    with pytest.raises(InputError, match="lists no picture of class 'light'"):
        evaluate_recognition([by_brightness()], pictures, table)


def test_folders_that_are_no_classes_are_refused(pictures: Path) -> None:
    with pytest.raises(InputError, match="no model given"):
        evaluate_recognition([], pictures)
    other = by_brightness(replace(SPEC, classes=("dark", "bright")))
    with pytest.raises(InputError, match="of the same classes together"):
        evaluate_recognition([by_brightness(), other], pictures)
    with pytest.raises(InputError, match="light: is no class of the model"):
        evaluate_recognition([other], pictures)
    for path in (pictures / "light").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="class 'light' has no picture; add some"):
        evaluate_recognition([by_brightness()], pictures)
    shutil.rmtree(pictures / "light")
    with pytest.raises(InputError, match="one class alone, 'dark'"):
        evaluate_recognition([by_brightness()], pictures)
    with pytest.raises(InputError, match="no such folder"):
        evaluate_recognition([by_brightness()], pictures / "nowhere")


@needs("tflite")
@pytest.mark.slow
def test_a_file_agrees_with_its_model(pictures: Path, tmp_path: Path) -> None:
    from edge_sdk import convert
    from tests.builders.recognition_networks import seeded_network

    network = seeded_network(("dark", "light"), mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
    made = convert(network, "tflite", tmp_path / "net.tflite", size=(32, 32))
    file = FileRecognizer(made.path, network.spec)
    found = evaluate_recognition([ModelRecognizer(network, network.spec, "net"), file], pictures)
    model, converted = (row.result for row in found.rows)
    assert found.rows[1].method == "net.tflite"
    assert converted.confusion == model.confusion
    assert converted.loss == pytest.approx(model.loss, rel=1e-4)
    config = RecognitionNetConfig(classes=("a", "b", "c"))
    with pytest.raises(ArtifactError, match="scores of 3 classes"):
        FileRecognizer(made.path, RecognitionNet(config).spec)
