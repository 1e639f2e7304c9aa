"""Ten frames of 1280×960 px for the benchmark, and how long the SDK takes in native LiteRT.

``python web_demo/bench/burst.py FOLDER`` writes bench.rgb and bench.json; the bundle
burst_zoom_x2.zip must lie there.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from edge_sdk import Picture, resize_bicubic, write_picture
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo

FRAMES, HEIGHT, WIDTH = 10, 960, 1280


def main() -> None:
    """Write frames and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    photo = resize_bicubic(example_photo("coffee"), size=(2 * HEIGHT + 80, 2 * WIDTH + 80))
    camera = CameraConfig(frames=FRAMES, noise_std=4 / 255, seed=1)
    frames = simulate_burst(photo.clamp(0, 1), camera).frames[:, :, :HEIGHT, :WIDTH]
    made = (255 * frames).round().to(torch.uint8)
    (folder / "bench").mkdir(exist_ok=True)
    pictures = []
    for index, frame in enumerate(made):
        path = folder / "bench" / f"{index}.png"
        write_picture(Picture(frame.float() / 255), path)
        pictures.append(str(path))
    (folder / "bench.rgb").write_bytes(made.permute(0, 2, 3, 1).contiguous().numpy().tobytes())
    bundle, out = str(folder / "burst_zoom_x2.zip"), str(folder / "bench" / "zoomed.png")
    command = ["zoom", *pictures, "--bundle", bundle, "--runtime", "litert", "-o", out, "--json"]
    started = time.perf_counter()
    main_of = "from edge_sdk.cli import main; main()"
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-c", main_of, *command], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    report = json.loads(told.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    native = {"seconds": report["seconds"], "wall": seconds, "peak_mib": round(peak)}
    (folder / "bench.json").write_text(json.dumps(native, indent=1) + "\n")


if __name__ == "__main__":
    main()
