"""Bursts zoomed by the files of a Snapdragon, in Qualcomm's own emulator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.converted import writing
from edge_sdk.burst.converted.by_name import convert_stages, zoom_network
from edge_sdk.burst.converted.graphs import StageSizes
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import ConversionError
from edge_sdk.imaging import psnr
from edge_sdk.registration import RegistrationConfig

SIZES = StageSizes(
    scored_px=80,
    smoothed_px=80,
    halved_px=40,
    surrounded_px=40,
    expanded_px=80,
    encoded_px=48,
    decoded_px=48,
)
"""As few runs as can be: the emulator takes seconds for what the NPU takes milliseconds."""


@pytest.mark.nightly
@pytest.mark.qualcomm
def test_a_whole_burst_is_what_pytorch_makes_of_it(tmp_path: Path) -> None:
    scene = example_photo("coffee")[:, 100:250, 200:382]
    frames = simulate_burst(scene, CameraConfig(frames=2, seed=1)).frames
    convert_stages("burst_zoom_x2", "snapdragon", "fp16", tmp_path / "stages", sizes=SIZES)
    files = StageFiles.of(tmp_path / "stages")
    assert "Qualcomm's HTP emulator" in files.runtime
    config = ZoomConfig(reference=0, registration=RegistrationConfig(max_shift_px=8))
    found = zoom(frames, files, config)
    expected = zoom(frames, zoom_network("burst_zoom_x2", 2).network, config)
    assert [frame.note for frame in found.frames] == [frame.note for frame in expected.frames]
    assert found.frames[1].share == pytest.approx(expected.frames[1].share, abs=0.01)
    assert expected.frames[1].share > 0.5
    own, sdk = found.frames[1].registration, expected.frames[1].registration
    assert own is not None
    assert sdk is not None
    torch.testing.assert_close(own.matrix, sdk.matrix, rtol=0, atol=0.005)
    assert psnr(found.pixels, expected.pixels) >= 60


@pytest.mark.slow
@pytest.mark.qualcomm
def test_a_network_that_computes_something_else_is_refused(tmp_path: Path, monkeypatch) -> None:
    graphs = writing.stage_graphs
    monkeypatch.setattr(writing, "stage_graphs", lambda *a: {"decode": graphs(*a)["decode"]})
    folder = tmp_path / "stages"
    with pytest.raises(ConversionError) as caught:
        convert_stages("burst_zoom_x2", "snapdragon", "int8", folder, sizes=SIZES)
    words = str(caught.value)
    assert words.startswith("stage decode: ")
    assert "computes something else, 3" in words
    assert words.endswith("where int8 must reach 50; take --precision fp16")
    assert "\n" not in words
    assert list(folder.iterdir()) == []
