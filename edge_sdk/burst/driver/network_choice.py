"""Whether a burst is one that a network for bursts suits.

On bursts of the CC0 validation photographs the network gains over the restoration without it at
every lens from 0 to 1 px, and up to noise of twice what it has learned: 0.2 to 3.3 dB up to 36
levels, 0.0 to 2.4 dB at 48. At 64 it loses up to 1.5 dB with 3 frames or more, and gains with one
frame, which no other cleans. At ×3 it gains 0.4 to 0.8 dB at 32 levels, with 3 and with 8 frames,
and loses 0.2 to 0.6 at 48.
"""

from __future__ import annotations

from torch import nn

from edge_sdk.burst.driver.stage_set import LEARNED_STD, decodes_bursts
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.models.spec import PictureSpec

MANY_FRAMES = 3
"""Frames from which on noise beyond ``MANY_FRAMES_STD`` is taken without a network."""
MANY_FRAMES_STD = 48 / 255
THIRDS_STD = 36 / 255
"""The same at ×3, where each of nine phases has fewer samples."""
FEW_FRAMES_STD = 64 / 255
"""Noise beyond which it is with fewer."""


def why_unsuited(network: object, noise: Noise, frames: int) -> str | None:
    """Why a network for bursts does not suit a burst, for people.

    Args:
        network: one for bursts, one that enlarges luma, converted stages, or ``None``.
        noise: noise of one frame.
        frames: number of frames that are merged.

    Returns:
        What was done instead; ``None`` where the network suits, or is none for bursts. Converted
        stages hold no restoration, and :func:`noise_note` speaks of them.
    """
    if not isinstance(network, nn.Module) or not decodes_bursts(network):
        return None
    spec = getattr(network, "spec", None)
    assert isinstance(spec, PictureSpec)
    limit = most_noise(spec.scale, frames)
    if noise.typical_std <= limit:
        return None
    return f"{_beyond(noise, limit)}; the restoration without a network made the picture"


def noise_note(scale: int, noise: Noise, frames: int, *, converted: bool) -> str:
    """What to know of a network that a burst is noisier than, for people; empty for nothing.

    Args:
        scale: enlargement of the network, which is one for bursts.
        noise: noise of one frame.
        frames: number of frames that are merged.
        converted: whether it runs as converted stages, which hold no restoration.
    """
    limit = most_noise(scale, frames)
    if converted and noise.typical_std > limit:
        return (
            f"{_beyond(noise, limit)}, and converted stages have no other way; PyTorch with "
            "--model none makes a cleaner picture"
        )
    if noise.typical_std > LEARNED_STD:
        return (
            f"noise of {255 * noise.typical_std:.1f} levels is more than the "
            f"{255 * LEARNED_STD:.0f} that the network has learned: it is told of no more, and "
            "leaves some"
        )
    return ""


def most_noise(scale: int, frames: int) -> float:
    """Noise up to which a network gains over the restoration without it, on values in [0, 1]."""
    if frames < MANY_FRAMES:
        return FEW_FRAMES_STD
    return MANY_FRAMES_STD if scale <= 2 else THIRDS_STD


def _beyond(noise: Noise, limit: float) -> str:
    return (
        f"noise of {255 * noise.typical_std:.1f} levels is more than the {255 * limit:.0f} that "
        "the network takes"
    )
