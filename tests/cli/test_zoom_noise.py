"""``zoom --noise`` and ``--save-noise``, and bursts of DNGs that state their noise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_sdk.burst import read_noise, zoom_files
from edge_sdk.burst.config import ZoomConfig
from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, psnr, read_picture, write_picture
from tests.builders.dng_bursts import DngBurst, write_dng_burst
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = needs("examples")
nightly = pytest.mark.nightly
CORNERS = {"coffee": (100, 41), "astronaut": (50, 0), "chelsea": (20, 0)}
"""Left and top of what the camera sees of a photograph."""


def test_a_number_and_a_file_of_it_are_the_same(run: Run, burst_folder: Path) -> None:
    frames = [burst_folder / f"{index}.png" for index in range(3)]
    first = run("zoom", *frames, "--noise", 4, "--save-noise", "camera.json", "--json")
    assert first.status == 0, first.err
    report = json.loads(first.out)
    assert report["noise_source"] == "given"
    assert report["noise"] == json.loads(Path("camera.json").read_text())
    assert report["saved_noise"] == "camera.json"
    again = run("zoom", *frames, "--noise", "camera.json", "-o", "again.png")
    assert again.status == 0, again.err
    assert "noise 4.0 levels of 255, given" in again.out
    assert Path("again.png").read_bytes() == Path("zoom.png").read_bytes()


def test_measured_noise_can_be_given_again(run: Run, burst_folder: Path) -> None:
    frames = [burst_folder / f"{index}.png" for index in range(4)]
    first = run("zoom", *frames, "--reference", 0, "--save-noise", "camera.json")
    assert "measured" in first.out
    assert first.out.splitlines()[-1] == "wrote camera.json"
    run("zoom", *frames, "--reference", 0, "--noise", "camera.json", "-o", "again.png")
    pictures = [read_picture(name).pixels for name in ("zoom.png", "again.png")]
    # Motion is found under another assumption of the noise, and typical is that of all tiles.
    assert psnr(*pictures) > 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": "edge-sdk noise", "version": 1, "levels": [0.5]}', "camera.json: std: is"),
        ("4", "camera.json: must be one JSON object"),
        (None, "camera.json: no such file"),
    ],
)
def test_a_bad_file_is_one_line(run: Run, burst_folder: Path, text: str | None, words: str) -> None:
    if text is not None:
        Path("camera.json").write_text(text)
    assert words in run("zoom", burst_folder / "0.png", "--noise", "camera.json").error_line
    assert not Path("zoom.png").exists()


def test_noise_is_not_written_over_anything(run: Run, burst_folder: Path) -> None:
    write_picture(read_picture(burst_folder / "0.png"), "0.png")
    Path("camera.json").write_text(
        '{"format": "edge-sdk noise", "version": 1, "levels": [0.5], "std": [0.01]}'
    )
    for name in ("0.png", "zoom.png", "camera.json", "nowhere/a.json"):
        line = run("zoom", "0.png", "--noise", "camera.json", "--save-noise", name).error_line
        assert name in line
        assert not Path("zoom.png").exists()


def dng_burst(
    folder: Path, stated: SensorNoise | None = None, photo: str = "coffee", gain: float = 8
) -> DngBurst:
    left, top = CORNERS[photo]
    seen = example_photo(photo)[:, top : top + 300, left : left + 400]
    return write_dng_burst(folder, seen, SensorNoise(analog_gain=gain), 6, stated)


@needs("raw")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("photo", "gain"),
    [
        pytest.param(photo, gain, marks=[] if (photo, gain) == ("coffee", 8) else nightly)
        for photo in CORNERS
        for gain in (1, 4, 8, 16)
    ],
)
def test_dngs_that_state_their_noise_zoom_no_worse_than_their_jpegs(
    photo: str, gain: float, tmp_path: Path
) -> None:
    made = dng_burst(tmp_path, photo=photo, gain=gain)
    jpegs = []
    for path in made.paths:
        jpegs.append(path.with_suffix(".jpg"))
        write_picture(Picture(read_picture(path).pixels), jpegs[-1], quality=95)
    truth = made.burst.truth(0)
    for model in (None, "none"):
        raw, developed = (
            zoom_files(frames, tmp_path / "out.png", ZoomConfig(reference=0), model=model).result
            for frames in (made.paths, jpegs)
        )
        assert raw.noise_source == "NoiseProfile"
        assert developed.noise_source == "measured"
        assert raw.used == developed.used == 6
        gained = psnr(raw.pixels, truth, border=8) - psnr(developed.pixels, truth, border=8)
        # Of one photograph at the least gain, 0.02 dB were lost without a network.
        assert gained >= (0 if model is None else -0.03)


@needs("raw")
@pytest.mark.slow
def test_what_was_given_comes_first_and_a_wrong_profile_is_found_out(
    run: Run, tmp_path: Path
) -> None:
    made = dng_burst(tmp_path, stated=SensorNoise(analog_gain=128))
    wrong = run("zoom", *made.paths, "--model", "none", "--save-noise", "camera.json")
    assert wrong.status == 0, wrong.err
    assert "note: the NoiseProfile says" in wrong.err
    assert "levels of 255, measured" in wrong.out
    given = run("zoom", *made.paths, "--model", "none", "--noise", "camera.json", "--json")
    report = json.loads(given.out)
    assert report["noise_source"] == "given"
    assert not [note for note in report["notes"] if "NoiseProfile" in note]
    assert read_noise("camera.json").std.max() < 0.3


@needs("raw")
@pytest.mark.slow
def test_a_burst_in_which_a_profile_is_missing_or_differs_says_so(tmp_path: Path) -> None:
    made = dng_burst(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    paths = dng_burst(other, stated=SensorNoise(analog_gain=9)).paths
    mixed = zoom_files((*made.paths[:2], paths[2]), tmp_path / "a.png", model="none")
    assert mixed.result.noise_source == "NoiseProfile"
    assert any("differ from frame to frame" in note for note in mixed.notes)
    png = tmp_path / "2.png"
    write_picture(read_picture(made.paths[2]), png)
    partial = zoom_files((*made.paths[:2], png), tmp_path / "a.png", model="none")
    assert partial.result.noise_source == "measured"
    assert any("has no NoiseProfile" in note for note in partial.notes)
