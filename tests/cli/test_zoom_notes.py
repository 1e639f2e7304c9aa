"""What ``zoom`` says of bursts that are not as they should be, and that it ends well."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, linear_to_srgb, srgb_to_linear, write_picture
from tests.cli.command_line import Outcome, Run

pytestmark = pytest.mark.usefixtures("one_thread")


@functools.cache
def frames() -> Tensor:
    config = CameraConfig(frames=4, noise_std=3 / 255)
    return simulate_burst(example_photo("coffee")[:, 60:260, 150:350], config).frames


def zoomed(run: Run, burst: Tensor, *options: object) -> Outcome:
    Path("night").mkdir(exist_ok=True)
    for index, frame in enumerate(burst):
        write_picture(Picture(frame), f"night/{index}.png")
    outcome = run("zoom", "night", "-o", "z.png", "--model", "none", *options)
    assert outcome.status == 0, outcome.err
    return outcome


def exposed(stops: float) -> Tensor:
    burst = frames().clone()
    burst[2] = linear_to_srgb((srgb_to_linear(burst[2]) * 2.0**stops).clamp(0, 1))
    return burst


@pytest.mark.parametrize(("stops", "way"), [(-3.0, "3.0 stops darker"), (3.0, "another exposure")])
def test_a_frame_stops_apart_is_named_with_its_exposure(run: Run, stops: float, way: str) -> None:
    outcome = zoomed(run, exposed(stops))
    (note,) = [line for line in outcome.err.splitlines() if "2.png" in line]
    assert note.startswith("note: 2.png is left out: ")
    assert way in note
    # Of the light that was undone, nothing: the frame was left out.
    assert "that is undone" not in outcome.err
    report = json.loads(zoomed(run, exposed(stops), "--json").out)
    assert [frame["left_out_because"] is None for frame in report["frames"]] == [
        index != 2 for index in range(4)
    ]


@pytest.mark.parametrize("level", [0.0, 128 / 255])
def test_what_all_frames_lost_is_said(run: Run, level: float) -> None:
    burst = frames().clone()
    burst[:, :, 24:64] = level
    outcome = zoomed(run, burst)
    share = json.loads(zoomed(run, burst, "--json").out)["blank_in_all_frames"]
    assert share == pytest.approx(40 / burst.shape[2], abs=0.1)
    assert f"note: {share:.0%} of the picture is one value in the same place" in outcome.err


def test_a_whole_burst_has_no_such_notes(run: Run) -> None:
    outcome = zoomed(run, frames())
    assert outcome.err == ""
    assert json.loads(zoomed(run, frames(), "--json").out)["blank_in_all_frames"] == 0


def test_frames_damaged_all_over_end_well(run: Run) -> None:
    outcome = zoomed(run, torch.full_like(frames(), 0.5))
    assert "is one value" not in outcome.err


def test_effective_frames_are_said_and_few_are_warned_of(run: Run) -> None:
    outcome = zoomed(run, frames())
    report = json.loads(zoomed(run, frames(), "--json").out)
    effective, low = report["effective_frames"], report["effective_frames_in_worst_tenth"]
    assert 2.9 < low <= effective <= 4
    line = f"effective frames: {effective:.1f} of 4; at most {low:.1f} in the worst tenth"
    assert line in outcome.out
    assert report["notes"] == []
    assert [frame["lost"] for frame in report["frames"]] == [0.0] * 4


def test_foreign_frames_are_given_as_the_reason_of_a_small_gain(run: Run) -> None:
    burst = frames().clone()
    generator = torch.Generator().manual_seed(0)
    burst[1:] = torch.rand(burst[1:].shape, generator=generator)
    options = ("--reference", 0)
    outcome = zoomed(run, burst, *options, "--report", "z.html")
    told = "only 1.0 of 4 frames were effective: 3 frames are left out ("
    assert f"note: {told}" in outcome.err
    assert told in Path("z.html").read_text()
    (note,) = json.loads(zoomed(run, burst, *options, "--json").out)["notes"]
    assert note.startswith(told)


def test_one_frame_is_not_warned_of(run: Run) -> None:
    outcome = zoomed(run, frames()[:1])
    assert "effective" not in outcome.out + outcome.err
    report = json.loads(zoomed(run, frames()[:1], "--json").out)
    assert (report["effective_frames"], report["notes"]) == (1.0, [])
