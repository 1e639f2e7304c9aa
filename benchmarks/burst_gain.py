"""What burst zoom gains over bicubic interpolation, on simulated bursts of shipped photographs.

    python benchmarks/burst_gain.py --table docs/burst-gain.md

Prints a Markdown table, or writes it. Everything is seeded; on one machine the figures repeat.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_sdk.burst import zoom
from edge_sdk.burst.evaluation import compare_with_truth
from edge_sdk.cli.burst import luma_network
from edge_sdk.data.camera import CameraConfig, simulate_burst
from edge_sdk.data.examples import PHOTOS, example_photo

NOISE_LEVELS = (2, 8, 16)
FRAME_COUNTS = (1, 2, 5, 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="Markdown file to write instead of printing")
    arguments = parser.parse_args()
    text = HEAD + noise_table() + FRAMES_HEAD + frames_table()
    if arguments.table:
        arguments.table.write_text(text)
    else:
        print(text)


def noise_table() -> str:
    head = "| photograph | noise | bicubic | average, true motion | edge-sdk | gain |"
    lines = [head, ROW * 6 + "|"]
    for noise in NOISE_LEVELS:
        for name in PHOTOS:
            bicubic, average, ours = scores(name, noise, frames=10)
            lines.append(
                f"| {name} | {noise}/255 | {bicubic:.2f} | {average:.2f} | {ours:.2f} | "
                f"**{ours - bicubic:+.2f}** |"
            )
    return "\n".join(lines) + "\n"


def frames_table() -> str:
    lines = ["| photograph | " + " | ".join(str(count) for count in FRAME_COUNTS) + " |"]
    lines.append(ROW * (len(FRAME_COUNTS) + 1) + "|")
    for name in PHOTOS:
        gains = []
        for count in FRAME_COUNTS:
            bicubic, _, ours = scores(name, 8, count)
            gains.append(f"{ours - bicubic:+.2f}")
        lines.append(f"| {name} | " + " | ".join(gains) + " |")
    return "\n".join(lines) + "\n"


def scores(name: str, noise: int, frames: int) -> tuple[float, float, float]:
    """PSNR in dB of bicubic, of the truly aligned average, and of burst zoom."""
    config = CameraConfig(frames=frames, noise_std=noise / 255)
    burst = simulate_burst(example_photo(name), config)
    result = zoom(burst.frames, luma_network("sr_x2_y", config.scale))
    bicubic, average, ours, _ = compare_with_truth(burst, result)
    return bicubic.psnr_db, average.psnr_db, ours.psnr_db


ROW = "|---"
HEAD = """# What burst zoom gains

PSNR in dB over all three channels against the truth, ×2, by the simulated camera of
[burst-zoom.md](burst-zoom.md) with its defaults, first seed. `make docs` makes this page anew.

## Ten frames, by noise

"""
FRAMES_HEAD = """
## Noise 8/255, by number of frames: gain over bicubic

"""

if __name__ == "__main__":
    main()
