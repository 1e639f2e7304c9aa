"""HEIC bursts and pictures through the commands, and the one line without the extra."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from PIL import Image

from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, to_levels, write_picture
from tests.builders.heic_files import write_heic
from tests.builders.icc_profiles import DISPLAY_P3
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = pytest.mark.usefixtures("one_thread")


def write_burst(depth: int = 8) -> list[str]:
    """Three frames of 96×64 px, as HEIC and as PNG."""
    photo = example_photo("coffee")[:, 40:240, 100:360]
    burst = simulate_burst(photo, CameraConfig(frames=3, noise_std=3 / 255)).frames[:, :, :64, :96]
    assert burst.shape[-2:] == (64, 96)
    names = []
    for index, frame in enumerate(burst):
        # 10 bits of a scene that 8 would round.
        levels = (frame * (2**depth - 1) + 0.5).int() if depth > 8 else to_levels(frame)
        name = f"{index}.heic"
        write_heic(name, levels.permute(1, 2, 0).numpy(), depth=depth, icc_profile=DISPLAY_P3)
        write_picture(Picture(frame.contiguous()), f"{index}.png")
        names.append(name)
    return names


@needs("heic")
def test_a_burst_is_zoomed_with_its_profile(run: Run) -> None:
    names = write_burst()
    outcome = run("zoom", *names, "-o", "z.jpg", "--model", "none", "--json")
    assert outcome.status == 0, outcome.err
    assert json.loads(outcome.out)["single_image"] is False
    written = Image.open("z.jpg")
    assert written.size == (192, 128)
    assert written.info["icc_profile"] == DISPLAY_P3


@needs("heic")
def test_its_pixels_are_those_of_the_same_burst_as_png(run: Run) -> None:
    names = write_burst()
    pngs = [Path(name).with_suffix(".png") for name in names]
    for output, frames in (("h.bmp", names), ("p.bmp", pngs)):
        assert run("zoom", *frames, "-o", output, "--model", "none").status == 0
    assert Path("h.bmp").read_bytes() == Path("p.bmp").read_bytes()


@needs("heic")
def test_ten_bits_become_sixteen(run: Run) -> None:
    names = write_burst(depth=10)
    assert run("zoom", *names, "-o", "z.png", "--model", "none").status == 0
    assert Path("z.png").read_bytes()[24] == 16


@needs("heic")
def test_a_folder_of_them_is_a_burst_and_is_enhanced(run: Run) -> None:
    names = write_burst()
    Path("phone").mkdir()
    for name in names:
        Path(name).rename(Path("phone") / name)
    outcome = run("zoom", "phone", "-o", "z.png", "--model", "none", "--json")
    assert len(json.loads(outcome.out)["frames"]) == 3
    assert run("enhance", "phone", "-o", "better", "--model", "denoise_rgb").status == 0
    assert sorted(path.name for path in Path("better").iterdir()) == ["0.png", "1.png", "2.png"]
    assert Image.open("better/0.png").info["icc_profile"] == DISPLAY_P3
    line = run("enhance", "phone/0.heic", "0.png", "-o", "more").error_line
    assert "would both become 0.png" in line


def test_without_the_extra_there_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    names = write_burst()
    right = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, _=None: None if name == "pi_heif" else right(name)
    )
    line = run("zoom", *names, "-o", "z.png").error_line
    assert line.startswith("error: 0.heic: is a HEIC picture, and pi_heif is not installed")
    assert "[heic]" in line
    outcome = run("enhance", names[0], "-o", "better", "--model", "denoise_rgb")
    assert outcome.status == 1
    assert "pi_heif is not installed" in outcome.err
    assert len(outcome.err.splitlines()) == 1
