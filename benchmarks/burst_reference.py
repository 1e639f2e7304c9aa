r"""Whether the chosen reference is the best frame: real bursts, simulated ones, noisy frames added.

    EDGE_SDK_DATA=DIR python benchmarks/burst_reference.py \
        --table docs/measurements/burst-reference.md

DIR holds burst_real/; data by default, and what is missing there is left out with a line.
Prints a Markdown page, or writes it. Everything is seeded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.reference.choice import gradient_score, laplacian_energy
from edge_sdk.burst.reference.noise import estimate_noise_std
from edge_sdk.data.camera.developing import Developing, develop
from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.imaging import linear_to_srgb, psnr, quantize, read_picture, rgb_to_ycbcr
from edge_sdk.imaging import srgb_to_linear as linear
from edge_sdk.imaging.filters import gaussian_blur
from pages import head, page_parser, publish, row
from photographs import data_folder

TRIPOD = "fba_psf_with_tripod_truth"
REGISTERED = ("fba_anthropologie", "fba_auvers", "fba_indoors_short", "fba_parking_night")
NOISES = (8, 16, 32)
SEEDS = 5
FRAMES = 10
PLAIN = Developing(0.0, None, False, (1.0, 1.0), None)


@dataclass(frozen=True)
class Verdict:
    """How well scores tell the quality of frames: rank of the best score, and Spearman's ρ."""

    rank: int
    correlation: float


def main() -> None:
    parser = page_parser(__doc__)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = data_folder() / "burst_real"
    lines = [HEAD]
    if (folder / TRIPOD).is_dir():
        lines += [*tripod_tables(folder / TRIPOD), *registered_table(folder)]
    else:
        lines.append("The real bursts are not here (EDGE_SDK_DATA); they are left out.")
    lines += [SIMULATED_HEAD, *simulated_table(), ADDED_HEAD, *added_table(), READING]
    text = "\n".join(lines)
    publish(text, arguments.table)


def tripod_tables(folder: Path) -> list[str]:
    paths = sorted(folder.glob("REG_*.jpg"))
    frames = torch.stack([read_picture(path).pixels for path in paths])
    truth = read_picture(folder / "sharp_000.jpg").pixels
    quality = [psnr(frame, truth) for frame in frames]
    scores, finest = (measure(frames) for measure in (scored, finest_only))
    lines = [head("frame", "PSNR (dB)", "score · 10³", "finest Laplacian alone · 10³")]
    for index in sorted(range(len(paths)), key=lambda k: -quality[k]):
        cells = (f"{1000 * scores[index]:.2f}", f"{1000 * finest[index]:.3f}")
        lines.append(row(paths[index].stem, f"{quality[index]:.2f}", *cells))
    ours, before = judge(scores, quality), judge(finest, quality)
    lines.append(
        f"| **chosen: rank · ρ** | | **{ours.rank} · {ours.correlation:.3f}** | "
        f"{before.rank} · {before.correlation:.3f} |"
    )
    lines += [NOISY_HEAD, *noisy_table(frames, quality)]
    return lines


def noisy_table(frames: Tensor, quality: Sequence[float]) -> list[str]:
    """A noisy copy of each frame is added in its turn; how often it is chosen."""
    generator = torch.Generator().manual_seed(0)
    lines = [head("noise added", "white: chosen", "before", "smooth: chosen", "before")]
    best = [max(measure(frames)) for measure in (scored, finest_only)]
    for level in NOISES:
        cells = []
        for smooth_px in (0.0, 0.7):
            noise = gaussian_blur(torch.randn(frames.shape, generator=generator), smooth_px)
            noisy = quantize((frames + level / 255 * noise / noise.std()).clamp(0, 1))
            for measure, highest in zip((scored, finest_only), best, strict=True):
                wrong = sum(score > highest for score in measure(noisy))
                cells.append(f"{wrong} of {len(quality)}")
        lines.append(row(f"{level}/255", *cells))
    return lines


def registered_table(folder: Path) -> list[str]:
    lines = [REGISTERED_HEAD, head("burst", "frames", "score: rank · ρ", "before")]
    for name in REGISTERED:
        paths = sorted((folder / name).glob("*.jpg"))
        if not paths:
            lines.append(f"| {name} | not here | | |")
            continue
        frames = torch.stack([read_picture(path).pixels for path in paths])
        truth = accumulated(frames)
        quality = [psnr(frame, truth) for frame in frames]
        cells = [verdict(measure(frames), quality) for measure in (scored, finest_only)]
        lines.append(row(name, str(len(paths)), *cells))
    return lines


def accumulated(frames: Tensor, power: float = 11.0) -> Tensor:
    """Fourier burst accumulation (Delbracio and Sapiro 2015): each frequency from its strongest."""
    spectra = torch.fft.rfft2(frames)
    height, width = frames.shape[-2:]
    size = min(height, width) // 50 | 1
    magnitude = functional.avg_pool2d(
        spectra.abs().mean(1, keepdim=True), size, stride=1, padding=size // 2
    )
    share = (magnitude / magnitude.amax(0)) ** power
    mixed = (spectra * share).sum(0) / share.sum(0)
    return torch.fft.irfft2(mixed, s=(height, width)).clamp(0, 1)


def simulated_table() -> list[str]:
    lines = [head("shake", "noise", "score: mean rank (worst) · ρ", "before")]
    for shake, reach_px in (("small", 2.0), ("large", 8.0)):
        for name, how in CAMERAS.items():
            verdicts: list[list[Verdict]] = [[], []]
            for photo, seed in cases():
                frames, quality = shaken(photo, reach_px, how, seed)
                for kept, measure in zip(verdicts, (scored, finest_only), strict=True):
                    kept.append(judge(measure(frames), quality))
            lines.append(row(shake, name, *map(means, verdicts)))
    return lines


def added_table() -> list[str]:
    lines = [head("burst", "noisy frame", "score", "before")]
    for name, noisier in (("2/255", "8/255"), ("8/255", "24/255"), ("ISO 400", "ISO 3200")):
        wrong = [0, 0]
        for photo, seed in cases():
            frames, quality = shaken(photo, 2.0, CAMERAS[name], seed)
            extra = shaken(photo, 2.0, CAMERAS[noisier], seed)[0]
            # The noisy frame is as sharp as the sharpest one.
            sharpest = max(range(FRAMES), key=lambda index: quality[index])
            together = torch.cat((extra[sharpest, None], frames))
            for position, measure in enumerate((scored, finest_only)):
                scores = measure(together)
                wrong[position] += scores.index(max(scores)) == 0
        count = len(cases())
        cells = [f"chosen in {times} of {count}" for times in wrong]
        lines.append(row(name, noisier, *cells))
    return lines


def cases() -> list[tuple[Tensor, int]]:
    return [
        (example_photo(name)[..., :400, :600], seed) for name in PHOTOS for seed in range(SEEDS)
    ]


def shaken(
    photo: Tensor, reach_px: float, how: Developing, seed: int
) -> tuple[Tensor, list[float]]:
    """Frames blurred by a lens and by a straight shake, and the PSNR of each before its noise."""
    generator = torch.Generator().manual_seed(seed)
    light = functional.avg_pool2d(gaussian_blur(linear(photo)[None], 0.6), 2)[0]
    frames, quality = [], []
    for _ in range(FRAMES):
        focus, length, angle = torch.rand(3, generator=generator).tolist()
        blurred = gaussian_blur(light[None], focus * max(0.5, reach_px / 8))[0]
        # Two frames in five do not shake.
        blurred = line_blur(blurred, max(length - 0.4, 0.0) / 0.6 * reach_px, angle * math.pi)
        quality.append(psnr(linear_to_srgb(blurred.clamp(0, 1)), linear_to_srgb(light.clamp(0, 1))))
        chance = torch.Generator().manual_seed(1000 * seed + len(frames))
        frames.append(develop(blurred.clamp(0, 1), how, chance))
    return torch.stack(frames), quality


def line_blur(picture: Tensor, length_px: float, angle: float) -> Tensor:
    """Mean over positions along a line, float [3, H, W]."""
    steps = max(1, math.ceil(4 * length_px))
    reach = math.ceil(length_px / 2) + 1
    kernel = torch.zeros(2 * reach + 1, 2 * reach + 1)
    for step in range(steps):
        along = length_px * ((step + 0.5) / steps - 0.5)
        x, y = reach + along * math.cos(angle), reach + along * math.sin(angle)
        left, top = math.floor(x), math.floor(y)
        for column, across in ((left, 1 - (x - left)), (left + 1, x - left)):
            for line, down in ((top, 1 - (y - top)), (top + 1, y - top)):
                kernel[line, column] += across * down / steps
    padded = functional.pad(picture[:, None], (reach,) * 4, mode="replicate")
    return functional.conv2d(padded, kernel[None, None])[:, 0]


def scored(frames: Tensor) -> list[float]:
    return gradient_score(rgb_to_ycbcr(frames)[:, :1]).tolist()


def finest_only(frames: Tensor) -> list[float]:
    """The score before: the finest Laplacian less 20 times the variance of white noise."""
    luma = rgb_to_ycbcr(frames)[:, :1]
    return laplacian_energy(luma, estimate_noise_std(luma)).tolist()


def judge(scores: Sequence[float], quality: Sequence[float]) -> Verdict:
    chosen = scores.index(max(scores))
    rank = 1 + sum(other > quality[chosen] for other in quality)
    pair = torch.stack([ranks(scores), ranks(quality)])
    return Verdict(rank, float(torch.corrcoef(pair)[0, 1]))


def ranks(values: Sequence[float]) -> Tensor:
    return torch.tensor(values).argsort().argsort().double()


def verdict(scores: Sequence[float], quality: Sequence[float]) -> str:
    found = judge(scores, quality)
    return f"{found.rank} · {found.correlation:.3f}"


def means(verdicts: Sequence[Verdict]) -> str:
    def average(of: Callable[[Verdict], float]) -> float:
        return sum(map(of, verdicts)) / len(verdicts)

    rank, rho = average(lambda v: v.rank), average(lambda v: v.correlation)
    return f"{rank:.2f} ({max(v.rank for v in verdicts)}) · {rho:.3f}"


def sensor(gain: float) -> Developing:
    return Developing(0.0, SensorNoise(gain), True, (2.0, 1.6), 93)


CAMERAS = {
    **{
        f"{level}/255": Developing(level / 255, *(None, False, (1.0, 1.0), None))
        for level in (2, 8)
    },
    "24/255": Developing(24 / 255, None, False, (1.0, 1.0), None),
    "ISO 400": sensor(4.0),
    "ISO 3200": sensor(32.0),
}
HEAD = """# The reference

Which frame is the sharpest is told by the score of [burst-zoom.md](../guide/burst-zoom.md).
*Before* stands for the score that this one replaced: the energy of the finest Laplacian less
20 times the variance of white noise. Rank 1 means that the best frame was chosen; ρ is
Spearman's rank correlation of scores and PSNR.

## Fourteen shaken frames and a tripod's truth

A real burst (Delbracio and Sapiro 2015); PSNR is that to the picture from a tripod. The bars:
rank 1 or 2, ρ at least 0.9.
"""
NOISY_HEAD = """
A copy of each of the fourteen with noise added, white or smooth as demosaicing and JPEG leave it
(σ = 0.7 px), joins the burst: how many of the copies would be chosen. The copy of the best frame
is in every way but noise its equal.
"""
REGISTERED_HEAD = """
## Other real bursts, without a truth

PSNR to their Fourier burst accumulation, a result and no truth: it too is made from these frames.
"""
SIMULATED_HEAD = """
## Simulated: Gaussian blur and straight shakes

Ten frames of each of four photographs, five seeds; PSNR is that of the frame before its noise. A
small shake reaches 2 px and a large one 8 px. ISO: sensor noise of that gain, Bayer filter, white
balance 2, 1.6, JPEG 93.
"""
ADDED_HEAD = """
## Simulated: a noisy frame as sharp as the sharpest is added
"""
READING = """
## Reading the tables

Where all frames are nearly alike (small shakes) the finest level alone ranks them a little
better; the coarser ones earn their place where frames differ much. Noise that differs between
frames is what the old score could not cope with.
`python benchmarks/burst_reference.py --table docs/measurements/burst-reference.md` makes this
page again.
"""

if __name__ == "__main__":
    main()
