"""Crops for calibration: seeded, 8-bit, of the requested size, apart from those held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.data.probes.calibration import read_calibration
from edge_sdk.data.probes.pictures import patterns, probe_pictures
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Picture, resize_bicubic, write_picture
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig
from edge_sdk.models.spec import PictureSpec, Task
from tests.tolerances import WHOLE_NUMBERS

EXAMPLE = torch.zeros(1, 1, 16, 20)
SPEC = EnhanceNet(EnhanceNetConfig(widths=(4,), skips=(), branches=None)).spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = torch.Generator().manual_seed(0)
    for index in range(5):
        pixels = torch.rand(3, 40 + index, 50, generator=generator)
        write_picture(Picture(pixels), tmp_path / f"{index}.png")
    return tmp_path


def test_cuts_are_seeded_and_in_8_bit_levels(folder: Path) -> None:
    one, other = (read_calibration(folder, EXAMPLE, SPEC, 12) for _ in range(2))
    assert len(one.calibration) == 12
    assert len(one.held_out) == 3
    for first, second in zip(one.calibration, other.calibration, strict=True):
        assert torch.equal(first, second)
        assert first.shape == EXAMPLE.shape
        torch.testing.assert_close(first * 255, (first * 255).round(), **WHOLE_NUMBERS)
    third = read_calibration(folder, EXAMPLE, SPEC, 12, seed=1)
    assert not all(map(torch.equal, one.calibration, third.calibration))
    assert "4 of the 5 pictures" in one.source


def test_the_truth_lies_over_its_cut(folder: Path) -> None:
    found = read_calibration(folder, torch.zeros(1, 1, 8, 8), SPEC, 6, truth=True)
    assert len(found.truths) == 6
    for low, high in zip(found.calibration, found.truths, strict=True):
        assert high.shape == (1, 1, 16, 16)
        assert abs(float(low.mean() - high.mean())) < 0.06


def test_few_pictures_are_reported_to_serve_both(folder: Path) -> None:
    for index in range(2, 5):
        (folder / f"{index}.png").unlink()
    found = read_calibration(folder, EXAMPLE, SPEC, 4)
    assert "too few pictures" in found.source
    assert found.held_out


def test_bad_requests_are_refused(folder: Path) -> None:
    with pytest.raises(PictureError, match="smaller than the model's input"):
        read_calibration(folder, torch.zeros(1, 1, 60, 60), SPEC, 4)
    with pytest.raises(InputError, match="file of inputs"):
        read_calibration(folder, torch.zeros(1, 4, 8, 8), None, 4)
    with pytest.raises(InputError, match="truth"):
        read_calibration(folder, EXAMPLE, None, 4, truth=True)
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match=r"broken\.png"):
        read_calibration(folder, EXAMPLE, SPEC, 12)


def test_probes_fall_back_to_patterns_with_a_note() -> None:
    found = probe_pictures(torch.zeros(1, 4, 8, 8), None, None)
    assert "noise, a ramp and edges" in found.source
    assert len(patterns(EXAMPLE)) == 3
    photographs = probe_pictures(EXAMPLE, SPEC, None)
    assert len(photographs.tensors) == 12
    assert "coffee" in photographs.source


def test_denoising_models_see_noise(folder: Path) -> None:
    config = EnhanceNetConfig(
        scale=1, task=Task.DENOISING, color=Color.RGB, widths=(4,), skips=(), branches=None
    )
    spec, example = EnhanceNet(config).spec, torch.zeros(1, 3, 16, 20)
    found = read_calibration(folder, example, spec, 12, truth=True)
    assert "noise of 0 to 50 levels" in found.source
    assert len(found.truths) == 12
    strengths = []
    for noisy, clean in zip(found.calibration, found.truths, strict=True):
        assert noisy.shape == clean.shape == example.shape
        torch.testing.assert_close(noisy * 255, (noisy * 255).round(), **WHOLE_NUMBERS)
        assert 0 <= float(noisy.min()) <= float(noisy.max()) <= 1
        strengths.append(float((noisy - clean).std()) * 255)
    assert max(strengths) < 60
    assert max(strengths) > min(strengths) + 5
    again = read_calibration(folder, example, spec, 12)
    assert again.truths == ()
    assert all(map(torch.equal, again.calibration, found.calibration))
    probes = probe_pictures(example, spec, None).tensors
    clean = probe_pictures(example, replace(spec, task=Task.SUPER_RESOLUTION), None).tensors
    assert not torch.equal(probes[0], clean[0])


def test_a_restoration_model_is_calibrated_on_degraded_pictures(tmp_path: Path) -> None:
    photo = resize_bicubic(torch.rand(3, 24, 32), 3).clamp(0, 1)
    write_picture(Picture(photo), tmp_path / "0.png")
    spec = PictureSpec("enhance_net", Task.RESTORATION, 1, Color.RGB, 2, 12)
    example = torch.rand(1, 3, 32, 32)
    found = read_calibration(tmp_path, example, spec, 8, truth=True)
    again = read_calibration(tmp_path, example, spec, 8, truth=True)
    assert "degraded by the recipe document" in found.source
    for worse, same, truth in zip(found.calibration, again.calibration, found.truths, strict=True):
        assert torch.equal(worse, same)
        assert not torch.equal(worse, truth)
        torch.testing.assert_close(worse * 255, (worse * 255).round(), rtol=0, atol=1e-3)
