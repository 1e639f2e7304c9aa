"""Frames of 16 bits that use little of them."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from edge_sdk import zoom_files
from edge_sdk.burst import spooling
from edge_sdk.burst.frames.stretched import StretchedSource, used_bits
from edge_sdk.cli.commands.zoom_page import write_zoom_page
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Metadata, Picture, psnr, read_picture, write_picture
from tests.needs import needs


def frames() -> Tensor:
    scene = example_photo("coffee")[:, 100:260, 150:350]
    return simulate_burst(scene, CameraConfig(frames=4, noise_std=4 / 255)).frames


def write(folder: Path, pixels: Tensor, peak: int) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{index}.tif" for index in range(len(pixels))]
    for path, frame in zip(paths, pixels, strict=True):
        levels = (frame.clamp(0, 1) * peak).round() / 65535
        write_picture(Picture(levels, Metadata(bit_depth=16)), path)
    return paths


@pytest.mark.parametrize(
    ("peak", "bits"),
    [(3, 8), (255, 8), (256, 9), (1023, 10), (4095, 12), (16_383, 14), (16_384, 16), (65_535, 16)],
)
def test_the_bits_are_those_of_the_highest_level(peak: int, bits: int) -> None:
    with spooling() as spool:
        for level in (peak // 2, peak):
            spool.add(torch.full((3, 32, 32), level / 65535), depth=16)
        assert used_bits(spool) == bits


def test_eight_bits_are_never_stretched() -> None:
    with spooling() as spool:
        spool.add(torch.full((3, 32, 32), 0.01), depth=8)
        spool.add(torch.full((3, 32, 32), 0.01), depth=16)
        assert used_bits(spool) == 16


def test_levels_are_stretched_to_the_whole_range() -> None:
    with spooling() as spool:
        spool.add(torch.linspace(0, 1023 / 65535, 3 * 32 * 32).reshape(3, 32, 32), depth=16)
        source = StretchedSource(spool, 10)
        rows = source.rows(0, 0, 32)
        assert (float(rows.min()), float(rows.max())) == (0.0, 1.0)
        assert (source.count, source.height, source.width, source.depth) == (1, 32, 32, 16)


@needs("examples")
@pytest.mark.parametrize("peak", [255, 1023, 4095])
@pytest.mark.parametrize("model", [None, "none"])
def test_a_burst_of_few_bits_is_the_burst_it_was(tmp_path: Path, peak: int, model) -> None:
    burst = frames()
    whole = zoom_files(write(tmp_path / "whole", burst, 65_535), tmp_path / "w.png", model=model)
    few = zoom_files(write(tmp_path / "few", burst, peak), tmp_path / "f.png", model=model)
    assert whole.notes == ()
    (note,) = few.notes
    assert f"use {peak.bit_length()} of their 16 bits" in note
    assert few.result.used == whole.result.used == 4
    assert few.result.noise_std == pytest.approx(whole.result.noise_std, rel=0.05)
    written = read_picture(tmp_path / "f.png").pixels * (65_535 / peak)
    assert psnr(written, read_picture(tmp_path / "w.png").pixels) > (45 if peak == 255 else 55)


@needs("examples")
def test_eight_bits_hold_it_in_their_whole_range(tmp_path: Path) -> None:
    files = write(tmp_path / "few", frames(), 1023)
    deep, flat = (
        zoom_files(files, tmp_path / name, model="none") for name in ("deep.png", "flat.bmp")
    )
    assert "written over the whole range of its 8" in flat.notes[0]
    assert (deep.gain, flat.gain) == (65_535 / 1023, 1.0)
    written = read_picture(tmp_path / "flat.bmp").pixels
    assert psnr(written, read_picture(tmp_path / "deep.png").pixels * deep.gain) > 50
    assert torch.equal(flat.reference.pixels, (deep.reference.pixels * deep.gain).clamp(0, 1))


@needs("examples")
def test_the_page_shows_it_as_bright_as_it_was_meant(tmp_path: Path) -> None:
    made = zoom_files(write(tmp_path / "few", frames(), 1023), tmp_path / "z.png", model="none")
    write_zoom_page(tmp_path / "z.html", made)
    shown = re.findall(r"data:image/jpeg;base64,([^\"]+)", (tmp_path / "z.html").read_text())
    first, second = (Image.open(io.BytesIO(base64.b64decode(each))) for each in shown[:2])
    for picture in (first, second):
        assert np.asarray(picture).mean() == pytest.approx(255 * float(frames().mean()), rel=0.1)
