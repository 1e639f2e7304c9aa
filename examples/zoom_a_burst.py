"""Zoom a simulated burst, and measure in decibels what that gained over one frame.

    python examples/zoom_a_burst.py [FOLDER]

FOLDER, out by default, receives the photograph, the burst and the result. Needs the extra examples.
"""

from __future__ import annotations

import sys
from pathlib import Path

import edge_sdk
from edge_sdk.data import example_photo
from edge_sdk.imaging import psnr


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    scene = edge_sdk.Picture(example_photo("coffee")[:, 100:300, 200:430])
    edge_sdk.write_picture(scene, folder / "scene.png")

    # Six hand-held frames of half the size: shifts, turns, a lens, noise of 8 levels.
    camera = edge_sdk.CameraConfig(frames=6, noise_std=8 / 255, seed=1)
    burst = edge_sdk.simulate(folder / "scene.png", folder / "burst", camera)

    zoomed = edge_sdk.zoom_files(burst.frames, folder / "zoomed.png")
    for path, frame in zip(burst.frames, zoomed.result.frames, strict=True):
        print(f"{path.name}: {frame.share:.0%} of its pixels agree {frame.note}")

    # The truth is what a camera without noise and with finer pixels sees from the same place.
    reference = zoomed.result.reference
    truth = edge_sdk.read_picture(folder / "burst" / "truth" / f"{reference:02}.png").pixels
    frame = edge_sdk.read_picture(burst.frames[reference]).pixels
    plain = psnr(edge_sdk.resize_bicubic(frame, 2).clamp(0, 1), truth)
    ours = psnr(edge_sdk.read_picture(folder / "zoomed.png").pixels, truth)
    print(f"bicubic {plain:.2f} dB, burst zoom {ours:.2f} dB, gain {ours - plain:+.2f} dB")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["out"]))
