"""Converted stages behind the driver: the same picture, and folders that are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.converted.by_name import convert_stages, zoom_network
from edge_sdk.burst.converted.manifest import NAME, read_manifest
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.stages.restore import RestoreConfig
from edge_sdk.burst.stages.steering import SteeringConfig
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import ArtifactError, EdgeSdkError, InputError
from edge_sdk.imaging import psnr


@pytest.mark.slow
def test_a_runtime_gives_the_picture_that_pytorch_gives(stages: Path) -> None:
    # Larger than a tile and no multiple of it, so that tiles are padded and joined.
    burst = simulate_burst(example_photo("coffee")[:, :390, :590], CameraConfig(frames=3))
    config = ZoomConfig(reference=0)
    eager = zoom_network(str(stages.parent / "small.safetensors"), 2)
    expected = zoom(burst.frames, eager.network, config)
    found = zoom(burst.frames, StageFiles.of(stages), config)
    assert psnr(found.pixels, expected.pixels) > 90
    assert [frame.share for frame in found.frames] == pytest.approx(
        [frame.share for frame in expected.frames], abs=1e-4
    )


def damaged(stages: Path, folder: Path, **changes: object) -> Path:
    shutil.copytree(stages, folder)
    content = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps(content | changes))
    return folder


@pytest.mark.slow
def test_folders_that_do_not_hold_what_they_should(stages: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"holds no stages\.json"):
        read_manifest(tmp_path)
    shapes = json.loads((stages / NAME).read_text())["shapes"]
    for name, changes, message in (
        ("version", {"version": 99}, "is edge-sdk stages of version 99, not 5; write"),
        ("format", {"format": "other"}, "is no edge-sdk stages"),
        ("tile", {"shapes": shapes | {"decode": [1, 24, 100, 100]}}, "disagree in tile size"),
        ("oblong", {"shapes": shapes | {"decode": [1, 24, 22, 24]}}, "disagree in tile size"),
        ("search", {"shapes": shapes | {"search": [1, 9, 1, 306]}}, "takes 1×9×1×306, not 8 ch"),
        ("none", {"shapes": shapes | {"halve": [1, 1, 0, 9]}}, "halve cannot take 1×1×0×9"),
        ("two", {"shapes": shapes | {"halve": [1, 2, 56, 56]}}, "halve takes 1×2×56×56, not 1 ch"),
        ("halo", {"network_halo_px": 400}, "disagree in tile size"),
        ("no halo", {"network_halo_px": 0}, "disagree in tile size"),
        ("halo below 0", {"network_halo_px": -1}, "disagree in tile size"),
        ("halo alike", {"network_halo_px": -1, "decoded_px": 136}, "disagree in tile size"),
        ("decoded", {"decoded_px": 130}, "disagree in tile size"),
        ("no noise", {"precision": "int8"}, "noise_levels None are not the two"),
        ("one", {"precision": "int8", "noise_levels": [1]}, r": noise_levels.1: Field required"),
        ("one in fp32", {"noise_levels": [1]}, r": noise_levels.1: Field required"),
        ("order", {"precision": "int8", "noise_levels": [8, 4]}, "are not the two"),
        ("below 0", {"precision": "int8", "noise_levels": [-1, 4]}, "are not the two"),
        ("endless", {"precision": "int8", "noise_levels": [1, float("inf")]}, "are not the two"),
        ("words", {"precision": "int8", "noise_levels": ["a", "b"]}, r": noise_levels.0: "),
        (
            "type",
            {"decoded_px": "wide"},
            r"stages\.json: decoded_px: Input should be a valid integer",
        ),
        ("no stage", {"files": {"score": "score.tflite"}}, "no file of the stage 'smooth'"),
        ("outside", {"files": dict.fromkeys(shapes, "../x")}, "missing"),
    ):
        with pytest.raises(ArtifactError, match=message):
            read_manifest(damaged(stages, tmp_path / name, **changes))
    broken = damaged(stages, tmp_path / "bytes")
    data = bytearray((broken / "blend.tflite").read_bytes())
    data[100] ^= 1
    (broken / "blend.tflite").write_bytes(data)
    with pytest.raises(ArtifactError, match="not the file that was written"):
        StageFiles.of(broken)
    (broken / "blend.tflite").unlink()
    with pytest.raises(ArtifactError, match="missing"):
        StageFiles.of(broken)
    # Both sizes changed alike pass the manifest; the file itself says otherwise.
    larger = {"blend": [1, 22, 150, 150], "decode": [1, 24, 148, 148]}
    alike = damaged(stages, tmp_path / "alike", shapes=shapes | larger, decoded_px=142)
    with pytest.raises(ArtifactError, match="takes 1×22×"):
        StageFiles.of(alike)


@pytest.mark.slow
def test_int8_stages_are_for_the_noise_that_they_were_calibrated_on(
    stages: Path, tmp_path: Path
) -> None:
    files = StageFiles.of(damaged(stages, tmp_path / "gate", noise_levels=[4, 8]))
    files.stages(Noise.white(5 / 255), 0.3)
    for level in (2, 13):
        with pytest.raises(InputError, match="calibrated on noise of 4 to 8"):
            files.stages(Noise.white(level / 255), 0.3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"steering": SteeringConfig(narrowing=0.1)}, "steering"),
        ({"restore": RestoreConfig(steps=1)}, "restore"),
    ],
)
def test_settings_that_converted_stages_would_ignore_are_refused(
    stages: Path, settings: dict[str, SteeringConfig | RestoreConfig], name: str
) -> None:
    config = ZoomConfig(**settings)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"would ignore the settings of {name}"):
        zoom(torch.rand(2, 3, 40, 40), StageFiles.of(stages), config)


def test_what_does_not_fit_is_refused_before_anything_is_converted() -> None:
    for arguments, message in (
        ({"runtime": "abacus"}, "unknown runtime 'abacus'"),
        ({"precision": "fp32"}, "--precision is for"),
        ({"model": "none", "runtime": "tflite"}, "for burst zoom"),
        ({"model": "sr_x2_y", "runtime": "tflite"}, "for burst zoom"),
        ({"model": "denoise_rgb"}, "a zoom by 2 needs one for burst-zoom"),
        ({"stages": Path("nowhere")}, "holds no stages"),
        ({"stages": Path("nowhere"), "model": "none"}, "--stages brings"),
    ):
        given = {"model": None, "scale": 2, **arguments}
        with pytest.raises(EdgeSdkError, match=message):
            zoom_network(**given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no network for burst zoom"):
        convert_stages("sr_x2_y", "tflite", "fp32", Path("nowhere"))


def test_the_default_is_the_shipped_network_where_it_fits() -> None:
    assert zoom_network(None, 2).name.startswith("burst_zoom_x2")
    assert zoom_network(None, 3).name.startswith("burst_zoom_x3")
    assert zoom_network(None, 1).network is None
    assert zoom_network(None, 4).network is None
    assert zoom_network("burst_zoom_x2", 3).scale == 2
