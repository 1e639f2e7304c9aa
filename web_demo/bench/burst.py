"""A burst for the benchmark, and how long the SDK takes for it in native LiteRT.

``python web_demo/bench/burst.py FOLDER`` writes frames, the SDK's picture and bench.json; the
bundle burst_zoom_x2.zip must lie there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from edge_sdk import Picture, resize_bicubic, write_picture
from edge_sdk.bundle import open_bundle
from edge_sdk.bundle.zooming import choose_variant, open_stages
from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.registration import RegistrationConfig

BUNDLE = "burst_zoom_x2"
NOISE_LEVELS = 4
MARGIN_PX = 40
"""Around what frames show, as far as the simulated hand moves them."""


def draw(folder: Path, frames: int, height: int, width: int) -> None:
    """Write the frames, as bytes one after the other and as PNGs."""
    size = (2 * (height + MARGIN_PX), 2 * (width + MARGIN_PX))
    photo = resize_bicubic(example_photo("coffee"), size=size)
    camera = CameraConfig(frames=frames, noise_std=NOISE_LEVELS / 255, seed=1)
    burst = simulate_burst(photo.clamp(0, 1), camera).frames[:, :, :height, :width]
    made = (255 * burst).round().to(torch.uint8)
    (folder / "bench").mkdir(exist_ok=True)
    for old in (folder / "bench").iterdir():
        old.unlink()
    for index, frame in enumerate(made):
        write_picture(Picture(frame.float() / 255), folder / "bench" / f"frame-{index:02}.png")
    (folder / "bench.rgb").write_bytes(made.permute(0, 2, 3, 1).contiguous().numpy().tobytes())


def run_native(folder: Path, precision: str, frames: int, height: int, width: int) -> None:
    """Zoom by the stages of the bundle in LiteRT, as a browser does; print figures as JSON."""
    import numpy as np

    bundle = open_bundle(folder / f"{BUNDLE}.zip")
    variant = choose_variant(bundle.manifest, "litert", precision)
    data = np.fromfile(folder / "bench.rgb", np.uint8).reshape(frames, height, width, 3)
    # A driver for browsers has no fields of motion: neither has this one, to do the same work.
    config = ZoomConfig(scale=2, registration=RegistrationConfig(field=False))
    with bundle.unpacked() as unpacked:
        stages = open_stages(bundle, variant, unpacked)
        # What is done once in a process is done before, as the self-test does it in a browser.
        zoom(torch.from_numpy(data[:2]).permute(0, 3, 1, 2).float() / 255, stages, config)
        started = time.perf_counter()
        values = torch.from_numpy(data).permute(0, 3, 1, 2).float() / 255
        result = zoom(values.contiguous(), stages, config)
        wall = time.perf_counter() - started
    pixels = result.pixels.permute(1, 2, 0).contiguous().numpy().astype("<f4")
    (folder / f"bench-{precision}.f32").write_bytes(pixels.tobytes())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": result.seconds, "wall": wall, "peak_mib": round(peak)}
    sys.stdout.write(json.dumps({"runtime": stages.runtime, **figures}) + "\n")


def main() -> None:
    """Write frames and figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1280x960", help="width and height of a frame")
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--native", metavar="PRECISION", help="zoom what is there, in this process")
    given = parser.parse_args()
    folder: Path = given.folder
    width, height = map(int, given.size.split("x"))
    if given.native:
        run_native(folder, given.native, given.frames, height, width)
        return
    draw(folder, given.frames, height, width)
    found = {}
    for precision in ("fp32", "int8"):
        # A process of its own, for its peak of memory is that of zooming alone.
        command = [sys.executable, __file__, *sys.argv[1:], "--native", precision]
        told = subprocess.run(  # noqa: S603
            command, check=True, stdout=subprocess.PIPE, text=True
        )
        found[precision] = json.loads(told.stdout.splitlines()[-1])
    burst = {"frames": given.frames, "width": width, "height": height}
    # What else the machine did meanwhile is in the times.
    machine = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}
    text = json.dumps({**burst, **machine, "native": found}, indent=1)
    (folder / "bench.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
