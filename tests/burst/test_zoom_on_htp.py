"""A whole burst zoomed by the files of a Snapdragon, in Qualcomm's own emulator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.converted.by_name import convert_stages, zoom_network
from edge_sdk.burst.converted.graphs import StageSizes
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr

SIZES = StageSizes(
    scored_px=48,
    smoothed_px=48,
    halved_px=32,
    surrounded_px=32,
    expanded_px=48,
    searched_px=4,
    searched_length=256,
    aligned_blocks=16,
    encoded_px=48,
    decoded_px=48,
)
"""The emulator takes seconds for what the NPU takes milliseconds."""


@pytest.mark.nightly
@pytest.mark.qualcomm
def test_a_whole_burst_is_what_pytorch_makes_of_it(tmp_path: Path) -> None:
    scene = example_photo("coffee")[:, 100:250, 200:390]
    frames = simulate_burst(scene, CameraConfig(frames=2, seed=1)).frames
    convert_stages("burst_zoom_x2", "snapdragon", "fp16", tmp_path / "stages", sizes=SIZES)
    files = StageFiles.of(tmp_path / "stages")
    assert "qnn-htp" in files.runtime
    config = ZoomConfig(reference=0)
    found = zoom(frames, files, config)
    expected = zoom(frames, zoom_network("burst_zoom_x2", 2).network, config)
    assert [frame.note for frame in found.frames] == [frame.note for frame in expected.frames]
    registered = [
        (own.registration, sdk.registration)
        for own, sdk in zip(found.frames, expected.frames, strict=True)
    ]
    for own, sdk in registered:
        assert own is not None
        assert sdk is not None
        torch.testing.assert_close(own.matrix, sdk.matrix, rtol=0, atol=0.05)
    assert psnr(found.pixels, expected.pixels) >= 50
