"""A dozen scenes: one frame, the average of the aligned frames, edge-sdk, and the truth.

    python benchmarks/gallery.py --table docs/measurements/gallery.md

Writes the page and, beside it, a picture of every scene. Prints the table without the pictures if
no file is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.burst import ZoomResult, zoom
from edge_sdk.data import CameraConfig, LightChanges, MovingObject, NearLayer, SensorNoise
from edge_sdk.data.camera.simulation import SimulatedBurst, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.evaluation.bursts import MethodScore
from edge_sdk.imaging import (
    Panel,
    Picture,
    Rectangle,
    comparison_sheet,
    pick_detail_box,
    psnr,
    quantize,
    ssim,
    write_picture,
)
from edge_sdk.registration import transform
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.sampling import sample_bicubic
from edge_sdk.zoo.networks import burst_network
from pages import head, page_parser, publish, row

NETWORK = "burst_zoom_x2"
AREA = (180, 240)
"""Rows and columns of the result that a picture shows."""
DETAIL_PX = 48
QUALITY = 80


@dataclass(frozen=True)
class Scene:
    """What is taken.

    Attributes:
        name: of its picture.
        title: what is special about it.
        photo: a photograph that scikit-image ships, or ``facade``, a drawing that repeats.
        camera: the camera.
    """

    name: str
    title: str
    photo: str
    camera: CameraConfig


SCENES = (
    Scene("clear", "Ten frames, noise of 8 levels", "coffee", CameraConfig()),
    Scene(
        "day",
        "Ten frames in good light: noise of 2 levels",
        "chelsea",
        CameraConfig(noise_std=2 / 255),
    ),
    Scene("night", "Night: noise of 20 levels", "astronaut", CameraConfig(noise_std=20 / 255)),
    Scene(
        "raw",
        "Shot and read noise behind a Bayer filter, JPEG 92",
        "rocket",
        CameraConfig(
            sensor=SensorNoise(analog_gain=16.0),
            bayer=True,
            white_balance=(1.9, 1.6),
            jpeg_quality=92,
        ),
    ),
    Scene(
        "flicker",
        "Light that flickers by 8 %",
        "coffee",
        CameraConfig(light=LightChanges(flicker=0.08), seed=1),
    ),
    Scene(
        "bands",
        "Bands of light of 12 %",
        "chelsea",
        CameraConfig(light=LightChanges(bands=0.12), seed=1),
    ),
    Scene(
        "passing",
        "Something passes in half of the frames",
        "coffee",
        CameraConfig(moving_object=MovingObject(share=0.1, shift_px=12.0, moved_share=0.5), seed=2),
    ),
    Scene(
        "near",
        "A nearer layer that moves 1.5 times as far",
        "astronaut",
        CameraConfig(near=NearLayer(1.5), seed=3),
    ),
    Scene(
        "rolling",
        "A rolling shutter on a walk",
        "rocket",
        CameraConfig(path="walk", readout=0.7, seed=4),
    ),
    Scene("soft", "A soft lens: 0.6 px", "coffee", CameraConfig(lens_std_px=0.6, seed=5)),
    Scene(
        "reduced",
        "Frames reduced bicubically, as published sets are",
        "astronaut",
        CameraConfig(reduction="bicubic", seed=6),
    ),
    Scene("two", "Two frames", "chelsea", CameraConfig(frames=2, seed=7)),
    Scene(
        "repeats",
        "A wall that repeats every 12 px",
        "facade",
        CameraConfig(noise_std=4 / 255, seed=8),
    ),
)


def main() -> None:
    arguments = page_parser(__doc__).parse_args()
    publish("\n".join(page(arguments.table)), arguments.table)


def page(path: Path | None) -> Iterator[str]:
    yield HEAD
    yield head("scene", "one frame", "average", "edge-sdk", "gain", "frames used", "remarks")
    pictures = []
    network = burst_network(NETWORK, 2)
    for scene in SCENES:
        burst = simulate_burst(photograph(scene.photo), scene.camera)
        result = zoom(burst.frames, network)
        scores = compared(burst, result)
        one, average, ours = (score.psnr_db for score in scores[:3])
        yield row(
            scene.title,
            *(f"{value:.2f} dB" for value in (one, average, ours)),
            f"{ours - max(one, average):+.2f} dB",
            f"{result.used} of {len(result.frames)}",
            remarks(result),
        )
        if path is not None:
            file = path.with_name(f"gallery-{scene.name}.jpg")
            write_picture(strip(scores), file, quality=QUALITY)
            pictures += [f"\n## {scene.title}\n", f"![{scene.title}]({file.name})"]
    yield ""
    yield FOOT
    yield from pictures


def compared(burst: SimulatedBurst, result: ZoomResult) -> tuple[MethodScore, ...]:
    """Scores of one frame, the average of all that were used, ours, and the truth itself."""
    height, width = burst.frames.shape[-2:]
    like = torch.zeros((), dtype=torch.float64)
    grid = centered_grid(2 * height, 2 * width, step=0.5, like=like).reshape(-1, 2)
    seen = [(burst.frames[result.reference], torch.eye(3, dtype=torch.float64))]
    seen += [
        (frame, report.registration.matrix)
        for frame, report in zip(burst.frames, result.frames, strict=True)
        if report.registration is not None and report.registration.accepted
    ]
    views = [
        sample_bicubic(frame, transform(motion, grid).reshape(2 * height, 2 * width, 2).float())
        for frame, motion in seen
    ]
    truth = quantize(burst.truth(result.reference))
    made = {
        "one frame, bicubic": views[0],
        "average": torch.stack(views).mean(0),
        "edge-sdk": result.pixels,
        "truth": truth,
    }
    rounded = {name: quantize(pixels.clamp(0, 1)) for name, pixels in made.items()}
    return tuple(
        MethodScore(name, pixels, psnr(pixels, truth), ssim(pixels, truth))
        for name, pixels in rounded.items()
    )


def remarks(result: ZoomResult) -> str:
    left_out = sorted({frame.note for frame in result.frames if frame.note})
    network = "no network" if result.network_passed_over else ""
    return "; ".join(filter(None, (network, *(note.split(":")[0] for note in left_out))))


def strip(scores: tuple[MethodScore, ...]) -> Picture:
    """All methods side by side, around the place of most detail."""
    truth = scores[-1].pixels
    rows, columns = AREA
    spot = pick_detail_box(truth, DETAIL_PX)
    height, width = truth.shape[-2:]
    top = min(max(spot.top + DETAIL_PX // 2 - rows // 2, 0), height - rows)
    left = min(max(spot.left + DETAIL_PX // 2 - columns // 2, 0), width - columns)
    panels = [
        Panel(
            score.name if score is scores[-1] else f"{score.name} · {score.psnr_db:.2f} dB",
            score.pixels[:, top : top + rows, left : left + columns],
        )
        for score in scores
    ]
    detail = Rectangle(left=spot.left - left, top=spot.top - top, width=DETAIL_PX, height=DETAIL_PX)
    return comparison_sheet(panels, detail)


def photograph(name: str) -> Tensor:
    return facade() if name == "facade" else example_photo(name)


def facade(rows: int = 300, columns: int = 400, period: int = 24) -> Tensor:
    """Rows of windows that are all the same, float32 [3, rows, columns]."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    across, down = x % period / period, y % (period + period // 2) / (period * 1.5)
    window = (across > 0.25) & (across < 0.75) & (down > 0.2) & (down < 0.7)
    bar = window & ((across - 0.5).abs() < 0.05)
    wall = torch.tensor([0.72, 0.6, 0.5])[:, None, None].expand(3, rows, columns).clone()
    wall[:, window] = torch.tensor([0.2, 0.24, 0.3])[:, None]
    wall[:, bar] = 0.8
    return wall


HEAD = f"""# A gallery

Scenes that the simulated camera of [burst-zoom.md](../guide/burst-zoom.md) takes of photographs
which scikit-image ships, ×2, with `{NETWORK}` where it is suited. One frame is enlarged
bicubically; the average is that of the frames which were used, each read along its one motion as
ours found it. PSNR over red, green and blue against what a camera of twice as many pixels would see
without noise. The gain is over the better of the two. Simulated: what real frames give is in
[burst-real.md](burst-real.md). `python benchmarks/gallery.py --table
docs/measurements/gallery.md` makes this page and its pictures again.
"""
FOOT = "Above, the whole area; below, the place of most detail, magnified."


if __name__ == "__main__":
    main()
