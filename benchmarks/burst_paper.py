"""What the weight of the reference does in the document's network: a short training on the spot.

    python benchmarks/burst_paper.py --table docs/measurements/burst-paper.md

Simulated bursts of the photographs that scikit-image ships: the right of coffee, astronaut and
rocket to learn from; chelsea, and the left of coffee, to measure. Prints a Markdown
page, or writes it. Everything is seeded; on one machine with one thread the figures repeat.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.frames.source import TensorSource
from edge_sdk.burst.inputs.resampled import ResamplingConfig, resample_burst
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.occluders import MovingObject
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr, quantize
from edge_sdk.models.burst_paper_net import BurstPaperConfig, BurstPaperNet
from pages import head, page_parser, publish, row

Weight = float | Literal["learned"]

FRAMES = 6
NOISE_LEVELS = (4, 8, 12)
LEARNED = (("coffee", 0, 330), ("astronaut", 20, 150), ("astronaut", 250, 30), ("rocket", 150, 250))
"""Photograph, first row and first column of the crops that are learned from."""
HELD_OUT = (("chelsea", 20, 60), ("chelsea", 80, 200), ("coffee", 120, 20), ("coffee", 160, 90))
CROP_PX = 220
MOVER = MovingObject(share=0.08)
WEIGHTS: tuple[Weight, ...] = (1.0, 2.0, "learned")
PATCH_PX = 64
BATCH = 4
RATE = 2e-3


@dataclass(frozen=True, eq=False)
class Sample:
    """Input [1, 3·M + 1, H, W] of a network, and the truth [1, 3, H, W]."""

    packed: Tensor
    truth: Tensor


@dataclass(frozen=True)
class Trained:
    """A network's mean PSNR on bursts at rest and on bursts with a moving object, and its ω."""

    still_db: float
    moving_db: float
    weight: float


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--steps", type=int, default=150, help="steps of each training")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each kind")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    learned = [
        sample(place, noise, seed=10 * number + noise, moving=moving)
        for number, place in enumerate(LEARNED)
        for noise, moving in zip(NOISE_LEVELS, (False, True, False), strict=True)
    ]
    static, moving = (
        [sample(place, 8, seed=100 + n, moving=there) for n, place in enumerate(HELD_OUT)]
        for there in (False, True)
    )
    lines = [
        HEAD.format(steps=arguments.steps, seeds=arguments.seeds, frames=FRAMES),
        head("", "scene at rest", "with a moving object", "ω at the end"),
        row("bicubic of the reference", *baselines(static, moving, 1), "–"),
        row("average, estimated motion", *baselines(static, moving, FRAMES), "–"),
    ]
    spread = 0.0
    for weight in WEIGHTS:
        found = [
            train(weight, learned, (static, moving), arguments.steps, seed)
            for seed in range(arguments.seeds)
        ]
        at_rest = [one.still_db for one in found]
        spread = max(spread, max(at_rest) - min(at_rest))
        name = "learned" if weight == "learned" else f"{weight:g}"
        cells = (
            listed(at_rest, 2),
            listed([one.moving_db for one in found], 2),
            listed([one.weight for one in found], 3),
        )
        lines.append(row(f"network, ω = {name}", *cells))
        print(lines[-1], file=sys.stderr, flush=True)
    lines.append(READING.format(steps=arguments.steps, spread=spread))
    text = "\n".join(lines)
    publish(text, arguments.table)


def sample(place: tuple[str, int, int], noise: int, seed: int, moving: bool) -> Sample:
    name, top, left = place
    photograph = example_photo(name)[:, top : top + CROP_PX, left : left + CROP_PX]
    camera = CameraConfig(
        frames=FRAMES, noise_std=noise / 255, seed=seed, moving_object=MOVER if moving else None
    )
    burst = simulate_burst(photograph, camera)
    found = resample_burst(TensorSource(burst.frames), ResamplingConfig(frames=FRAMES))
    height, width = (side // 4 * 4 for side in found.pixels.shape[-2:])
    truth = burst.truth(found.reference)[None, :, :height, :width]
    return Sample(found.packed()[..., :height, :width], truth)


def train(
    weight: Weight,
    learned: list[Sample],
    held_out: tuple[list[Sample], list[Sample]],
    steps: int,
    seed: int,
) -> Trained:
    torch.manual_seed(seed)
    config = BurstPaperConfig(FRAMES, channels=4, blocks=2, width=32, reference_weight=weight)
    net = BurstPaperNet(config)
    chance = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(steps):
        packed, truth = batch(learned, chance)
        loss = functional.l1_loss(net(packed), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    static, moving = (
        statistics.mean(decibels(net, one) for one in samples) for samples in held_out
    )
    return Trained(static, moving, net.reference_weight)


def batch(samples: list[Sample], chance: torch.Generator) -> tuple[Tensor, Tensor]:
    packed, truth = [], []
    for _ in range(BATCH):
        one = samples[drawn(len(samples), chance)]
        top, left = (drawn(side - PATCH_PX + 1, chance) for side in one.truth.shape[-2:])
        part = (..., slice(top, top + PATCH_PX), slice(left, left + PATCH_PX))
        packed.append(one.packed[part])
        truth.append(one.truth[part])
    return torch.cat(packed), torch.cat(truth)


def drawn(count: int, chance: torch.Generator) -> int:
    return int(torch.randint(count, (1,), generator=chance))


@torch.no_grad()
def decibels(net: BurstPaperNet, one: Sample) -> float:
    return psnr(quantize(net(one.packed)[0].clamp(0, 1)), quantize(one.truth[0]))


def baselines(static: list[Sample], moving: list[Sample], frames: int) -> list[str]:
    """Means of the PSNR of the mean of the first frames."""
    cells = []
    for samples in (static, moving):
        scores = [
            psnr(
                quantize(one.packed[0, : 3 * frames].unflatten(0, (frames, 3)).mean(0)),
                quantize(one.truth[0]),
            )
            for one in samples
        ]
        cells.append(f"{statistics.mean(scores):.2f}")
    return cells


def listed(values: list[float], digits: int) -> str:
    return " · ".join(f"{value:.{digits}f}" for value in values)


HEAD = """# The document's network, and the weight of its reference

`edge_sdk.models.burst_paper_net.BurstPaperNet` is the multi-frame network as the document on burst
zoom describes it: every frame goes through one encoder, the features of all are joined over
channels at three sizes, those of the reference multiplied by ω, and residual blocks and transposed
convolutions lead back up. Its input is what `edge_sdk.burst.inputs.resampled.resample_burst` makes
of a
burst: M frames on the reference's finer grid by their estimated motion, a place that nothing fills
left to the reference. It is a network to compare with; `edge-sdk zoom` uses
[another](../guide/burst-zoom.md), which takes any number of frames. No weights of it are shipped,
and it has no file form.

## A short training by ω

PSNR in dB over all three channels, ×2, {frames} frames; {seeds} trainings of {steps} steps each, by
seed. c = 4, two blocks of 32 channels, L1, Adam, batches of four patches of 64×64 px from 12 bursts
of three photographs at noise of 4, 8 and 12 of 255, a third of them with a moving object. Measured
on four bursts at noise 8: two of a photograph that is not learned from, two of another part of one
that is. The rate of learning was chosen after trials on these four with ω = 2.
`python benchmarks/burst_paper.py --steps {steps} --seeds {seeds} --table
docs/measurements/burst-paper.md` makes this page again.
"""
READING = """
## What this shows, and what it does not

The design trains: every network beats bicubic interpolation of its own reference. {steps} steps on
12 bursts are no training, and none of these networks reaches the average of the aligned frames at
rest. Two trainings that differ in nothing but their seed lie up to {spread:.1f} dB apart at rest. A
difference between two values of ω that is not clearly larger says nothing, so that this table
neither recommends ω = 2 nor refutes it, and it does not say how such a network compares with the
shipped one.

What holds by construction: where the weights behind the joins are equal and the frames too, a small
change of the reference changes what is added to it ω times as much as the same change of another
frame does (tested), and a learned ω stays above 1. What is not ensured: a trained network can undo
any ω in the convolutions behind the joins. ω is where training starts from and how fast it may
move, not a bound on the result.

The order of the frames after the reference matters to a trained network; resampling puts first what
agrees best. There is no ghost test by pixel in front of this network, only the confidence of the
alignment's tiles. A frame of another scene that the alignment accepts by mistake enters where its
tiles are trusted, and `weights` of the result tells by how much.

For conversion, `with_fixed_weight()` makes a learned ω a number; converted like that, ExecuTorch
takes the network as one partition of XNNPACK, the TFLite file has no TRANSPOSE, and both agree with
PyTorch, as does the interpreted Core ML program (tested at small sizes; no phone has run it).
"""

if __name__ == "__main__":
    main()
