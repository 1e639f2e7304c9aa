"""What burst zoom gains over bicubic interpolation, on simulated bursts of Kodak24.

    EDGE_SDK_DATA=DIR python benchmarks/burst_gain.py --table docs/measurements/burst-gain.md

DIR holds kodak24/; data by default. Without it the shipped example photographs stand in.
Prints a Markdown page, or writes it. Everything is seeded; on one machine the figures repeat.
"""

from __future__ import annotations

import statistics
from dataclasses import replace

from torch import Tensor, nn

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.evaluation.bursts import compare_with_truth
from edge_sdk.zoo.networks import burst_network
from pages import head, page_parser, publish, row
from photographs import kodak_or_shipped

NOISE_LEVELS = (2, 8, 16)
FRAME_COUNTS = (1, 2, 4, 8, 16, 20)
REFERENCE_WEIGHTS = (1.0, 1.5, 2.0, 4.0)
LENSES_PX = (0.15, 0.3, 0.6, 0.9)
EVERY = 3
"""The smaller tables take every third picture."""


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=24, help="pictures of Kodak to measure")
    arguments = parser.parse_args()
    name, pictures = kodak_or_shipped(arguments.pictures)
    network = burst_network("burst_zoom_x2", 2)
    text = "\n".join(
        [
            HEAD.format(count=len(pictures), name=name),
            *noise_table(pictures, network),
            FRAMES_HEAD.format(count=len(pictures[::EVERY])),
            *frames_table(pictures[::EVERY], network),
            WEIGHT_HEAD.format(count=len(pictures[::EVERY])),
            *weight_table(pictures[::EVERY], network),
            LENS_HEAD.format(count=len(pictures[::EVERY])),
            *lens_table(pictures[::EVERY], network),
            READING,
        ]
    )
    publish(text, arguments.table)


def noise_table(pictures: list[Tensor], network: nn.Module) -> list[str]:
    lines = [head("noise", "method", "PSNR", "SSIM", "gain over bicubic", "least", "most")]
    for noise in NOISE_LEVELS:
        config = CameraConfig(noise_std=noise / 255)
        scores = [
            measure(picture, config, seed, (None, network)) for seed, picture in enumerate(pictures)
        ]
        bicubic, average, without, within = zip(*scores, strict=True)
        methods = {
            "bicubic of the reference": bicubic,
            "average, true motion": average,
            "edge-sdk without a network": without,
            "**edge-sdk**, by `burst_zoom_x2`": within,
        }
        for name, scores in methods.items():
            gains = [score[0] - base[0] for score, base in zip(scores, bicubic, strict=True)]
            cells = [f"{statistics.mean(score[place] for score in scores):.{digits}f}"
                     for place, digits in ((0, 2), (1, 3))]  # fmt: skip
            shown = [f"{value:+.2f}" for value in (statistics.mean(gains), min(gains), max(gains))]
            lines.append(row(f"{noise}/255", name, *cells, *shown))
    return lines


def frames_table(pictures: list[Tensor], network: nn.Module) -> list[str]:
    lines = [head("noise", "", *map(str, FRAME_COUNTS))]
    for noise in (2, 8):
        cells = []
        for count in FRAME_COUNTS:
            config = CameraConfig(frames=count, noise_std=noise / 255)
            # The first frame is the reference, so that all counts enlarge the same picture.
            both = ZoomConfig(reference=0)
            cells.append(
                [measure(p, config, s, (None, network), both) for s, p in enumerate(pictures)]
            )
        for name, place in (("without a network", 2), ("`burst_zoom_x2`", 3)):
            means = [statistics.mean(score[place][0] for score in column) for column in cells]
            lines.append(row(f"{noise}/255", name, *(f"{mean:.2f}" for mean in means)))
    return lines


def weight_table(pictures: list[Tensor], network: nn.Module) -> list[str]:
    lines = [head("noise", "", *(f"{weight:g}" for weight in REFERENCE_WEIGHTS))]
    for noise in (2, 8):
        config = CameraConfig(noise_std=noise / 255)
        columns = [
            [
                measure(p, config, s, (None, network), ZoomConfig(reference_weight=weight))
                for s, p in enumerate(pictures)
            ]
            for weight in REFERENCE_WEIGHTS
        ]
        for name, place in (("without a network", 2), ("`burst_zoom_x2`", 3)):
            means = [statistics.mean(score[place][0] for score in column) for column in columns]
            lines.append(row(f"{noise}/255", name, *(f"{mean:.2f}" for mean in means)))
    return lines


def lens_table(pictures: list[Tensor], network: nn.Module) -> list[str]:
    lines = [head("", *(f"{lens:g} px" for lens in LENSES_PX))]
    columns = []
    for lens in LENSES_PX:
        config = CameraConfig(lens_std_px=lens)
        columns.append(
            [measure(p, config, seed, (None, network)) for seed, p in enumerate(pictures)]
        )
    names = ("average, true motion", "without a network", "`burst_zoom_x2`")
    for place, name in enumerate(names, 1):
        gains = [statistics.mean(s[place][0] - s[0][0] for s in column) for column in columns]
        lines.append(row(name, *(f"{gain:+.2f}" for gain in gains)))
    return lines


def measure(
    picture: Tensor,
    config: CameraConfig,
    seed: int,
    networks: tuple[nn.Module | None, ...],
    zooming: ZoomConfig | None = None,
) -> list[tuple[float, float]]:
    """PSNR and SSIM of bicubic, the truly aligned average, and burst zoom by each network."""
    burst = simulate_burst(picture, replace(config, seed=seed))
    scores = []
    for network in networks:
        found = compare_with_truth(burst, zoom(burst.frames, network, zooming or ZoomConfig()))
        scores += found[2:3] if scores else found[:3]
    return [(score.psnr_db, score.ssim) for score in scores]


HEAD = """# What burst zoom gains

Against the truth, ×2, over all three channels, on bursts of {count} {name} pictures by the
simulated camera of [burst-zoom.md](../guide/burst-zoom.md) with its defaults, one seed each.
Everything is estimated from the frames: reference, motion, noise.
`python benchmarks/burst_gain.py --pictures
{count} --table docs/measurements/burst-gain.md` makes this page again.

## Ten frames, by noise: means over the pictures, in dB
"""
FRAMES_HEAD = """
## PSNR by number of frames, mean of {count} pictures
"""
WEIGHT_HEAD = """
## PSNR by the weight of the reference, mean of {count} pictures

Samples of other frames weigh 1. The result must show what the reference shows where frames
differ, so that a weight above 1 holds ghosts back; ten frames of a scene at rest are worth the
same, and lose a little by it.
"""
LENS_HEAD = """
## Noise 8/255, ten frames, by the camera's lens blur: gain over bicubic, mean of {count} pictures

The lens is estimated from the frames, and undone; the network has learned lenses of 0 to 1 px.
"""
READING = """
## Reading the tables

The gain is largest where noise is strong, and it needs frames. The average of truly aligned frames
has no alignment error and no ghost test, but keeps the blur of pixel and interpolation. A softer
lens leaves less between the pixels to find: much of the gain is gone at two or three times the
blur. Simulated bursts have independent noise per pixel; what a phone's own processing leaves is
smoother. [Cameras that nobody trained for](burst-cameras.md) have a page of their own.
"""

if __name__ == "__main__":
    main()
