"""What burst zoom gains over bicubic interpolation, on simulated bursts of Kodak24.

    EDGE_SDK_DATA=DIR python benchmarks/burst_gain.py --table docs/burst-gain.md

DIR holds kodak24/; data by default. Without it the shipped example photographs stand in.
Prints a Markdown page, or writes it. Everything is seeded; on one machine the figures repeat.
"""

from __future__ import annotations

import argparse
import os
import statistics
from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.evaluation import compare_with_truth
from edge_sdk.data.camera import CameraConfig, simulate_burst
from edge_sdk.data.examples import PHOTOS, example_photo
from edge_sdk.imaging import read_picture
from edge_sdk.zoo.networks import luma_network

NOISE_LEVELS = (2, 8, 16)
FRAME_COUNTS = (1, 2, 4, 8, 16)
LENSES_PX = (0.15, 0.3, 0.6, 0.9)
EVERY = 3
"""The smaller tables take every third picture."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="Markdown file to write instead of printing")
    parser.add_argument("--pictures", type=int, default=24, help="pictures of Kodak to measure")
    arguments = parser.parse_args()
    name, pictures = photographs(arguments.pictures)
    network = luma_network("sr_x2_y", 2)
    text = "\n".join(
        [
            HEAD.format(count=len(pictures), name=name),
            *noise_table(pictures, network),
            FRAMES_HEAD.format(count=len(pictures[::EVERY])),
            *frames_table(pictures[::EVERY]),
            LENS_HEAD.format(count=len(pictures[::EVERY])),
            *lens_table(pictures[::EVERY]),
            READING,
        ]
    )
    if arguments.table:
        arguments.table.write_text(text)
    else:
        print(text)


def photographs(count: int) -> tuple[str, list[Tensor]]:
    folder = Path(os.environ.get("EDGE_SDK_DATA", "data")) / "kodak24"
    paths = sorted(path for path in folder.glob("*") if path.suffix in (".png", ".webp"))
    if paths:
        apart = max(1, len(paths) // max(1, count))
        return "Kodak", [read_picture(path).pixels for path in paths[::apart][:count]]
    return "shipped", [example_photo(name) for name in PHOTOS]


def noise_table(pictures: list[Tensor], network: nn.Module) -> list[str]:
    lines = [
        row("noise", "method", "PSNR", "SSIM", "gain over bicubic", "least", "most"),
        "|---" * 7 + "|",
    ]
    for noise in NOISE_LEVELS:
        config = CameraConfig(noise_std=noise / 255)
        without = [measure(picture, config, seed) for seed, picture in enumerate(pictures)]
        within = [measure(picture, config, seed, network) for seed, picture in enumerate(pictures)]
        bicubic, average, ours = zip(*without, strict=True)
        methods = {
            "bicubic of the reference": bicubic,
            "average, true motion": average,
            "**edge-sdk**": ours,
            "edge-sdk with the network `sr_x2_y`": [entry[2] for entry in within],
        }
        for name, scores in methods.items():
            gains = [score[0] - base[0] for score, base in zip(scores, bicubic, strict=True)]
            cells = [f"{statistics.mean(score[place] for score in scores):.{digits}f}"
                     for place, digits in ((0, 2), (1, 3))]  # fmt: skip
            shown = [f"{value:+.2f}" for value in (statistics.mean(gains), min(gains), max(gains))]
            lines.append(row(f"{noise}/255", name, *cells, *shown))
    return lines


def frames_table(pictures: list[Tensor]) -> list[str]:
    lines = [row("noise", *map(str, FRAME_COUNTS)), "|---" * (len(FRAME_COUNTS) + 1) + "|"]
    for noise in (2, 8):
        cells = []
        for count in FRAME_COUNTS:
            config = CameraConfig(frames=count, noise_std=noise / 255)
            # The first frame is the reference, so that all counts enlarge the same picture.
            scores = [measure(p, config, seed, reference=0) for seed, p in enumerate(pictures)]
            cells.append(f"{statistics.mean(ours[0] for _, _, ours in scores):.2f}")
        lines.append(row(f"{noise}/255", *cells))
    return lines


def lens_table(pictures: list[Tensor]) -> list[str]:
    lines = [row("", *(f"{lens:g} px" for lens in LENSES_PX))]
    lines.append("|---" * (len(LENSES_PX) + 1) + "|")
    ours, average = [], []
    for lens in LENSES_PX:
        config = CameraConfig(lens_std_px=lens)
        scores = [measure(picture, config, seed) for seed, picture in enumerate(pictures)]
        ours.append(f"{statistics.mean(s[2][0] - s[0][0] for s in scores):+.2f}")
        average.append(f"{statistics.mean(s[1][0] - s[0][0] for s in scores):+.2f}")
    return [*lines, row("edge-sdk", *ours), row("average, true motion", *average)]


def measure(
    picture: Tensor,
    config: CameraConfig,
    seed: int,
    network: nn.Module | None = None,
    reference: int | None = None,
) -> list[tuple[float, float]]:
    """PSNR and SSIM of bicubic, the truly aligned average, and burst zoom."""
    burst = simulate_burst(picture, replace(config, seed=seed))
    result = zoom(burst.frames, network, ZoomConfig(reference=reference))
    return [(score.psnr_db, score.ssim) for score in compare_with_truth(burst, result)[:3]]


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


HEAD = """# What burst zoom gains

Against the truth, ×2, over all three channels, on bursts of {count} {name} pictures by the
simulated camera of [burst-zoom.md](burst-zoom.md) with its defaults, one seed each. Everything is
estimated from the frames: reference, motion, noise. `python benchmarks/burst_gain.py --pictures
{count} --table docs/burst-gain.md` makes this page anew.

## Ten frames, by noise: means over the pictures, in dB
"""
FRAMES_HEAD = """
## PSNR by number of frames, mean of {count} pictures
"""
LENS_HEAD = """
## Noise 8/255, ten frames, by the camera's lens blur: gain over bicubic, mean of {count} pictures

The restoration assumes a lens blur of 0.3 px whatever the camera's is.
"""
READING = """
## Reading the tables

The gain is largest where noise is strong, and it needs frames. The average of truly aligned frames
has no alignment error and no ghost test, but keeps the blur of pixel and interpolation. The gain
rests on the lens blur that is assumed: on a camera twice or three times as soft much of it is gone.
Simulated bursts have independent noise per pixel; what a phone's own processing leaves is smoother.
"""

if __name__ == "__main__":
    main()
