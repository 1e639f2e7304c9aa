"""What the driver for browsers is compared with: bundles, a burst, and what Python makes of them.

Writes into a folder that no commit has: the bundles as ``edge-sdk pack --for web`` packs them; a
simulated burst of odd sides with a darker frame and one of another scene; the burst zoomed by the
SDK's driver with the same artifacts in LiteRT, in fp32 and int8, without fields of motion, which a
driver may leave out; the same by ``edge-sdk zoom --bundle``; and a picture by
``edge-sdk enhance --bundle``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from edge_sdk import Picture, read_picture, write_picture
from edge_sdk.bundle import open_bundle
from edge_sdk.bundle.zooming import choose_variant, open_stages
from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.registration import RegistrationConfig

BUNDLES = ("burst_zoom_x2", "sr_x2_y", "denoise_rgb")
HEIGHT, WIDTH = 135, 211
DARKER, FOREIGN = 2, 5


def pack(folder: Path) -> None:
    """Pack the bundles that are not there yet."""
    for name in BUNDLES:
        path = folder / f"{name}.zip"
        if not path.exists():
            command = ["pack", name, "--for", "web", "-o", str(path)]
            edge_sdk(command)


def edge_sdk(arguments: list[str]) -> None:
    """Run the command-line tool of the interpreter's own environment."""
    main = "from edge_sdk.cli import main; main()"
    subprocess.run([sys.executable, "-c", main, *arguments], check=True)  # noqa: S603


def draw_burst(folder: Path) -> torch.Tensor:
    """Simulate the burst, uint8 [N, H, W, 3]; its frames are written as PNGs too."""
    photo = example_photo("coffee")[:, : 2 * HEIGHT + 40, : 2 * WIDTH + 40]
    camera = CameraConfig(frames=6, noise_std=6 / 255, seed=3)
    frames = simulate_burst(photo, camera).frames[:, :, :HEIGHT, :WIDTH].clone()
    frames[DARKER] = ((frames[DARKER] + 0.055) * 0.85 - 0.055).clamp(0, 1)
    other = simulate_burst(example_photo("chelsea"), camera).frames
    frames[FOREIGN] = other[FOREIGN, :, :HEIGHT, :WIDTH]
    made = (255 * frames).round().to(torch.uint8)
    (folder / "frames").mkdir(exist_ok=True)
    for index, frame in enumerate(made):
        write_picture(Picture(frame.float() / 255), folder / "frames" / f"{index}.png")
    return made.permute(0, 2, 3, 1).contiguous()


def zoom_by_driver(folder: Path, frames: torch.Tensor, precision: str) -> dict[str, object]:
    """Zoom with the stages of the bundle in LiteRT; the picture is written as floats."""
    bundle = open_bundle(folder / "burst_zoom_x2.zip")
    variant = choose_variant(bundle.manifest, "litert", precision)
    values = frames.permute(0, 3, 1, 2).float() / 255
    config = ZoomConfig(scale=2, registration=RegistrationConfig(field=False))
    with bundle.unpacked() as unpacked:
        result = zoom(values.contiguous(), open_stages(bundle, variant, unpacked), config)
    pixels = result.pixels.permute(1, 2, 0).contiguous().numpy().astype("<f4")
    (folder / f"picture-{precision}.f32").write_bytes(pixels.tobytes())
    return {
        "reference": result.reference,
        "used": [index for index, frame in enumerate(result.frames) if not frame.note],
        "scores": [frame.score for frame in result.frames],
        "motions": [
            [] if frame.registration is None else frame.registration.matrix.flatten().tolist()
            for frame in result.frames
        ],
        "shares": [frame.share for frame in result.frames],
        "noise": result.noise.typical_std,
        "lens": result.lens.std_px,
        "hot": result.hot_pixels,
    }


def write_bytes(picture: Path, target: Path) -> None:
    """Write red, green and blue of a picture file, one byte each."""
    pixels = read_picture(picture).pixels.permute(1, 2, 0)
    target.write_bytes((255 * pixels).round().numpy().astype(np.uint8).tobytes())


def main() -> None:
    """Write everything into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    pack(folder)
    frames = draw_burst(folder)
    (folder / "frames.rgb").write_bytes(frames.numpy().tobytes())
    count, height, width, _ = frames.shape
    found = {precision: zoom_by_driver(folder, frames, precision) for precision in ("fp32", "int8")}
    told = {"count": count, "height": height, "width": width, **found}
    (folder / "burst.json").write_text(json.dumps(told, indent=1) + "\n")
    pictures = [str(folder / "frames" / f"{index}.png") for index in range(count)]
    bundle = str(folder / "burst_zoom_x2.zip")
    zoomed = folder / "zoomed.png"
    edge_sdk(["zoom", *pictures, "--bundle", bundle, "--runtime", "litert", "-o", str(zoomed)])
    write_bytes(zoomed, folder / "zoomed.rgb")
    for name in BUNDLES[1:]:
        out, bundle = folder / name, str(folder / f"{name}.zip")
        edge_sdk(
            ["enhance", pictures[0], "--bundle", bundle, "--runtime", "litert", "-o", str(out)]
        )
        write_bytes(out / "0.png", folder / f"{name}.rgb")


if __name__ == "__main__":
    main()
