"""Bursts whose frames carry different color profiles: converted, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Metadata, Picture, read_picture, write_picture
from edge_sdk.imaging.picture import BitDepth
from tests.builders import icc_profiles as icc
from tests.cli.command_line import Run

pytestmark = pytest.mark.usefixtures("one_thread")


def write_burst(spaces: list[str], depth: BitDepth = 8) -> list[str]:
    """Frames of one scene, each stored in a space of ``icc.COLUMNS`` with its profile."""
    profiles = {"srgb": icc.SRGB, "p3": icc.DISPLAY_P3, "adobe": icc.ADOBE_RGB}
    scene = 0.2 + 0.6 * example_photo("coffee")[:, 60:200, 150:330]
    frames = simulate_burst(scene, CameraConfig(frames=len(spaces), noise_std=2 / 255)).frames
    names = []
    for index, (space, frame) in enumerate(zip(spaces, frames, strict=True)):
        pixels = torch.from_numpy(icc.stored_in(frame.double().numpy(), space)).float()
        metadata = Metadata(icc_profile=profiles[space], bit_depth=depth)
        names.append(str(write_picture(Picture(pixels, metadata), f"{space}{index}.png").path))
    return names


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("reference", [0, 2])
def test_other_profiles_are_converted_to_that_of_the_first(
    run: Run, depth: BitDepth, reference: int
) -> None:
    options = ("--model", "none", "--reference", reference, "--noise", 2, "--json")
    same = write_burst(["srgb"] * 4, depth)
    mixed = write_burst(["srgb", "p3", "adobe", "srgb"], depth)
    outcome = run("zoom", *mixed, "-o", "mixed.png", *options)
    assert outcome.status == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["notes"] == [
        "p31.png, adobe2.png: converted from Display P3, Adobe RGB (1998) to sRGB of the tests, "
        "the color profile of srgb0.png, which the result has too"
    ]
    assert json.loads(run("zoom", *same, "-o", "same.png", *options).out)["notes"] == []
    made, expected = read_picture("mixed.png"), read_picture("same.png")
    assert made.metadata.icc_profile == icc.SRGB
    assert all(frame["light"] is None for frame in report["frames"])
    difference = (made.pixels - expected.pixels).abs()
    assert float(difference.mean()) < 0.6 / 255
    assert float(difference.flatten().quantile(0.999)) < 4 / 255


def test_as_many_files_as_a_reader_takes_in_are_named(run: Run) -> None:
    names = write_burst(["srgb"] + ["p3"] * 5)
    outcome = run("zoom", *names, "-o", "z.png", "--model", "none")
    assert "note: p31.png, p32.png, p33.png and 2 more: converted from Display P3" in outcome.err


def save(name: str, profile: bytes | None, depth: BitDepth = 8, gray: bool = False) -> str:
    pixels = torch.rand(1 if gray else 3, 40, 56).expand(3, -1, -1).contiguous()
    metadata = Metadata(icc_profile=profile, bit_depth=depth, gray=gray)
    return str(write_picture(Picture(pixels, metadata), name).path)


@pytest.mark.parametrize(
    ("profile", "depth", "gray", "reason"),
    [
        (icc.BROKEN, 8, False, "its color profile is damaged"),
        (icc.GRAY, 8, True, "its color profile is for GRAY"),
        (icc.P3_BY_TABLES, 16, False, "cannot be converted at 16 bits (it is made of tables"),
    ],
)
def test_a_profile_that_cannot_be_converted_is_named(
    run: Run, profile: bytes, depth: BitDepth, gray: bool, reason: str
) -> None:
    good = save("good.png", None, depth)
    bad = save("bad.png", profile, depth, gray)
    line = run("zoom", good, bad, "-o", "z.png").error_line
    assert line.startswith("error: bad.png: ")
    assert reason in line
    assert not Path("z.png").exists()
    # The whole burst in that profile needs no conversion.
    assert run("zoom", bad, save("too.png", profile, depth, gray), "-o", "z.png").status == 0
    assert Image.open("z.png").info["icc_profile"] == profile


def test_frames_without_a_profile_are_srgb(run: Run) -> None:
    names = write_burst(["srgb", "srgb", "p3"])
    plain = np.asarray(Image.open(names[0]))
    Image.fromarray(plain).save("plain.png")
    outcome = run("zoom", "plain.png", *names[1:], "-o", "z.png", "--model", "none")
    assert "note: p32.png: converted from Display P3 to sRGB, the color profile of" in outcome.err
    assert "icc_profile" not in Image.open("z.png").info
