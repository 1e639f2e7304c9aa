r"""How well the lens of a burst is estimated, and the statistics of scenes that it rests on.

    EDGE_SDK_DATA=DIR python benchmarks/burst_lens.py --table docs/measurements/burst-lens.md
    EDGE_SDK_DATA=DIR python benchmarks/burst_lens.py --fit

DIR holds kodak24/, and for ``--fit`` splits/cc0_train.txt and cc0_train_2.txt with the photographs
that they name. Bursts are of the camera in ``cameras``, which the SDK does not know. ``--fit``
prints what ``edge_sdk.burst.lens.estimate`` knows of scenes, from the photographs themselves and
from what merging makes of some of them. Everything is seeded.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cameras.camera import Camera, kodak_part, take
from cameras.cells import REDUCTIONS, named
from edge_sdk.burst import LensEstimate, TensorSource
from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.inputs.features import burst_features
from edge_sdk.burst.lens.estimate import FIRST_RING, MEAN_LOG_POWER, scene_basis
from edge_sdk.burst.lens.halves import halves_spectrum
from edge_sdk.burst.lens.spectrum import RINGS, common_spectrum
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.imaging import read_picture, resize_bicubic, rgb_to_ycbcr
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration import MotionField
from pages import head, page_parser, publish, row
from photographs import data_folder, kodak_paths

NOISE_LEVELS = (2.0, 8.0, 16.0)
WITHIN_PX = 0.1
SIDE_PX = 276
FACTORS = (1.0, 0.7, 0.5)
MERGED = 24
"""Photographs whose bursts tell what merging does to the power."""


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--pictures", type=int, default=8, help="pictures of Kodak24 [8]")
    parser.add_argument("--fit", action="store_true", help="print what is known of scenes")
    arguments = parser.parse_args()
    if arguments.fit:
        fit()
        return
    step = max(1, 24 // arguments.pictures)
    paths = kodak_paths()[1::step][: arguments.pictures]
    found = {
        (reduction, lens, noise): [estimated(path, reduction, lens, noise) for path in paths]
        for reduction, lens in REDUCTIONS
        for noise in NOISE_LEVELS
    }
    text = [HEAD.format(count=len(paths), pictures=arguments.pictures), head(*TITLES)]
    kept = every = 0
    for (reduction, lens, noise), lenses in found.items():
        values = [each.std_px for each in lenses]
        inside = sum(abs(value - lens) <= WITHIN_PX for value in values)
        measured = reduction == "lens"
        kept, every = kept + measured * inside, every + measured * len(values)
        text.append(
            row(
                named(Camera(reduction, lens, noise, False, "steady")),
                f"{noise:g}",
                f"{statistics.mean(values):.2f}",
                f"{min(values):.2f} … {max(values):.2f}",
                f"{statistics.mean(each.spread_px for each in lenses):.2f}",
                f"{inside} of {len(values)}" if measured else "–",
            )
        )
    text += ["", f"Within {WITHIN_PX:g} px of the lens: {kept} of {every}.", READING]
    publish("\n".join(text), arguments.table)


def estimated(path: Path, reduction: str, lens: float, noise: float) -> LensEstimate:
    part, seed = kodak_part(path)
    burst = take(part, Camera(reduction, lens, noise, seed % 2 == 0, "steady"), seed)
    return burst_features(TensorSource(burst.frames)).lens


def fit() -> None:
    """Print mean and spreads of scenes, and what merging adds to the mean."""
    rng, rings = np.random.default_rng(0), slice(FIRST_RING, FIRST_RING + len(MEAN_LOG_POWER))
    root = data_folder()
    lists = ("cc0_train.txt", "cc0_train_2.txt")
    paths = [root / line for name in lists for line in (root / "splits" / name).read_text().split()]
    scenes = [power[rings] for path in paths for power in _powers(path, rng)]
    logs = torch.stack(scenes).log()
    basis = scene_basis((torch.arange(RINGS, dtype=torch.float64) + 0.5)[rings] / RINGS)
    away = (logs - logs.mean(0)).T
    parts = torch.linalg.lstsq(basis, away).solution
    rest = away - basis @ parts
    merging = torch.stack([_merging(path)[rings] for path in paths[:: len(paths) // MERGED]])
    mean = logs.mean(0) + merging.nanmedian(0).values
    print("MEAN_LOG_POWER", [round(value, 3) for value in (mean - mean[0]).tolist()])
    print(
        f"SLOPE_STD {parts[1].std():.2f}  BEND_STD {parts[2].std():.2f}  RING_STD {rest.std():.2f}"
    )


def _powers(path: Path, rng: np.random.Generator) -> list[Tensor]:
    """Mean power by ring of parts of a photograph at several sizes."""
    whole, found = read_picture(path).pixels, []
    for factor in FACTORS:
        picture = whole if factor == 1 else resize_bicubic(whole, factor).clamp(0, 1)
        for _ in range(2):
            top, left = (int(rng.integers(max(1, side - SIDE_PX))) for side in picture.shape[1:])
            part = picture[:, top : top + SIDE_PX, left : left + SIDE_PX]
            luma = rgb_to_ycbcr(part[None])[0, 0]
            spectrum = common_spectrum(luma, luma)
            found.append(spectrum.common / spectrum.blocks)
    return found


def _merging(path: Path) -> Tensor:
    """Logarithm of what a sharp camera and merging leave of the power by ring."""
    whole = resize_bicubic(read_picture(path).pixels, 0.5).clamp(0, 1)
    top, left = (max(0, side - 2 * SIDE_PX) // 2 for side in whole.shape[1:])
    part = whole[:, top : top + 2 * SIDE_PX, left : left + 2 * SIDE_PX]
    camera = CameraConfig(frames=8, lens_std_px=0.0, noise_std=1 / 255)
    burst = simulate_burst(part, camera)
    height, width = burst.frames.shape[-2:]
    motions = {
        index: MotionField(burst.relative_motion(0, index), height, width)
        for index in range(1, camera.frames)
    }
    region = Rectangle(top=0, left=0, height=height, width=width)
    noise = Noise.white(camera.noise_std)
    plan = MergePlan(TensorSource(burst.frames), 0, motions, region, noise, reference_weight=1.5)
    merged = halves_spectrum(plan)
    assert merged is not None
    luma = rgb_to_ycbcr(burst.truth(0)[None])[0, 0]
    truth = common_spectrum(luma, luma)
    return (merged.common / merged.blocks).log() - (truth.common / truth.blocks).log()


TITLES = ("camera", "noise", "estimate, mean", "least … most", "its own spread", "within 0.1 px")
HEAD = """\
# The lens of a burst

How much a lens blurs, in pixels of a frame, estimated from eight frames each of the camera of
[burst-cameras.md](burst-cameras.md), which the SDK does not know; parts of 560×420 px of {count}
pictures of Kodak24, every second with noise by color and smooth. *box* and *bicubic* have no lens:
what is estimated there is the lens that blurs as much. `EDGE_SDK_DATA=DIR python
benchmarks/burst_lens.py --pictures {pictures} --table docs/measurements/burst-lens.md` makes this
page again, `--fit` what is known of scenes.
"""
READING = """
A lens of 0.15 px blurs next to nothing: of the pixels that its Gaussian is sampled at, the middle
one has nearly all the weight. What the estimate cannot tell apart is a soft scene and a soft lens:
the spread that it states of itself is that between scenes, which are alike within limits.
"""

if __name__ == "__main__":
    main()
