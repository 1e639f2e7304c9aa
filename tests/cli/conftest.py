"""Runs the command line inside the test process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, write_picture
from tests.cli.command_line import Outcome, Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Call ``edge-sdk`` with arguments, in an empty folder."""
    from edge_sdk.cli import main
    from edge_sdk.cli.shared import console

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    # A console keeps the COLUMNS that it finds when it is made: in a test, those of another test.
    for made in (console.out, console.err):
        monkeypatch.setattr(made, "_width", None)

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["edge-sdk", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def burst_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of 96×80 px as PNG, and a photograph beside them."""
    folder = tmp_path_factory.mktemp("burst")
    photo = example_photo("coffee")[:, 100:300, 200:430]
    write_picture(Picture(photo), folder / "photo.png")
    burst = simulate_burst(photo, CameraConfig(frames=4, noise_std=4 / 255))
    for index, frame in enumerate(burst.frames):
        write_picture(Picture(frame), folder / f"{index}.png")
    assert torch.isfinite(burst.frames).all()
    return folder


@pytest.fixture(scope="session")
def shipped_tflite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped ×2 luma model, converted for 32×32 px."""
    from edge_sdk.targets import find_converter
    from edge_sdk.zoo.networks import example_input, luma_network

    network = luma_network("sr_x2_y", 2)
    path = tmp_path_factory.mktemp("shipped") / "m.tflite"
    find_converter("tflite").convert(network, example_input(network, 32, 32), path, "fp32")
    return path
