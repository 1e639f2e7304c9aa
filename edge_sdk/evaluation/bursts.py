"""How good a zoomed burst is, where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from edge_sdk.burst.result import ZoomResult
from edge_sdk.data.camera.simulation import SimulatedBurst
from edge_sdk.evaluation.burst_baselines import average_aligned, bicubic
from edge_sdk.imaging import Panel, Picture, comparison_sheet, pick_detail_box, psnr, quantize, ssim

DETAIL_PX = 72


@dataclass(frozen=True, eq=False)
class MethodScore:
    """One way to enlarge a burst, measured against the truth.

    Attributes:
        name: what was done.
        pixels: float32 [3, H, W] in [0, 1], rounded to 8 bits.
        psnr_db: PSNR over all three channels; infinite for the truth itself.
        ssim: structural similarity, mean over channels.
    """

    name: str
    pixels: Tensor
    psnr_db: float
    ssim: float


def compare_with_truth(burst: SimulatedBurst, result: ZoomResult) -> tuple[MethodScore, ...]:
    """Measure bicubic interpolation, the average of perfectly aligned frames, and ``result``.

    Returns:
        Scores in this order, then the truth itself.
    """
    truth = quantize(burst.truth(result.reference))
    candidates = (
        ("bicubic of the reference", bicubic(burst, result.reference)),
        ("average, true motion", average_aligned(burst, result.reference)),
        ("edge-sdk", result.pixels),
        ("truth", truth),
    )
    rounded = [(name, quantize(pixels)) for name, pixels in candidates]
    return tuple(
        MethodScore(name, pixels, psnr(pixels, truth), ssim(pixels, truth))
        for name, pixels in rounded
    )


def comparison_picture(scores: Sequence[MethodScore]) -> Picture:
    """Sheet of all methods side by side with a magnified detail; the last one is the truth."""
    detail = pick_detail_box(scores[-1].pixels, DETAIL_PX)
    panels = [
        Panel(
            score.name if score is scores[-1] else f"{score.name} · {score.psnr_db:.2f} dB",
            score.pixels,
        )
        for score in scores
    ]
    return comparison_sheet(panels, detail)
