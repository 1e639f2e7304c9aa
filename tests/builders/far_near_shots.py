"""Simulated far and near shots that several tests share, in memory and as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edge_sdk.burst import TensorSource
from edge_sdk.data.camera.far_near import FarNearConfig, FarNearShots, simulate_far_near
from edge_sdk.data.camera.simulation import CameraConfig
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.pairs import Couple, PairConfig, make_couple
from edge_sdk.pairs.couple.geometry import region_offset
from edge_sdk.pairs.dataset.record import sealed
from edge_sdk.registration.motion import centered_grid, transform


def shots_of(
    name: str = "astronaut",
    *,
    seed: int = 0,
    frames: int = 3,
    shots: int = 1,
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> FarNearShots:
    far = CameraConfig(frames=frames, scale=2, seed=seed, noise_std=4 / 255)
    return simulate_far_near(
        example_photo(name)[:, :400, :400],
        FarNearConfig(far=far, shots=shots, gains=gains, seed=seed),
    )


def couple_of(far: Tensor, near: Tensor, config: PairConfig | None = None) -> Couple:
    return make_couple(
        TensorSource(far),
        TensorSource(near),
        config or PairConfig(),
        lambda stage, done, total: None,
    )


def placement_error(shots: FarNearShots, couple: Couple) -> Tensor:
    """Distance of estimated and true place of every far pixel, in pixels of the target."""
    height, width = shots.burst.frames.shape[-2:]
    region = couple.region
    truth = shots.homography(couple.choice.index, couple.standard.reference)
    grid = centered_grid(region.height, region.width, like=truth)
    places = (grid + region_offset(region, height, width)).reshape(-1, 2)
    apart = couple.refined.placement.at(grid).reshape(-1, 2) - transform(truth, places)
    return apart.norm(dim=-1) * shots.burst.config.scale / couple.zoom_ratio


def write_shots(shots: FarNearShots, far: Path, near: Path, name: str) -> None:
    """Write the shots of one scene under two folders."""
    for folder, pictures in ((far / name, shots.burst.frames), (near / name, shots.near)):
        folder.mkdir(parents=True)
        for index, pixels in enumerate(pictures):
            write_picture(Picture(pixels.contiguous()), folder / f"{index}.png")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def reseal(folder: Path, name: str, /, **changes: Any) -> None:
    """Change a scene's record and make its digests those of the files that lie there now."""
    place, path = folder / "scenes" / name, folder / "set.json"
    record = json.loads((place / "scene.json").read_text()) | changes
    (place / "scene.json").unlink()
    record = sealed(record, place)
    (place / "scene.json").write_text(json.dumps(record))
    whole = json.loads(path.read_text())
    for scene in whole["scenes"]:
        if scene["name"] == name:
            scene["sha256"] = record["sha256"]
    path.write_text(json.dumps(whole))


def pasted(near: Tensor, thing: Tensor, share: float) -> tuple[Tensor, tuple[slice, slice]]:
    """Near shots over whose middle lies something else; where it lies."""
    height, width = near.shape[-2:]
    tall, wide = round(share**0.5 * height), round(share**0.5 * width)
    rows = slice((height - tall) // 2, (height - tall) // 2 + tall)
    columns = slice((width - wide) // 2, (width - wide) // 2 + wide)
    changed = near.clone()
    changed[:, :, rows, columns] = torch.nn.functional.interpolate(
        thing[None], (tall, wide), mode="bilinear", antialias=True
    )[0]
    return changed, (rows, columns)
