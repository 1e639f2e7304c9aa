"""Whether a burst's noise is what a network for bursts has learned to take.

On bursts of the CC0 validation photographs, noise of 10 to 24 levels, a lens of 0.3 px as the
network has learned, it gains over the restoration without it up to about 13 levels with 8 frames,
16 with 2, and 22 with one, which no other frame cleans; beyond, it loses up to 2 dB.
"""

from __future__ import annotations

from torch import nn

from edge_sdk.burst.driver.stage_set import LEARNED_STD, decodes_bursts
from edge_sdk.burst.noise.curve import Noise

MANY_FRAMES = 3
"""Frames from which on noise beyond ``LEARNED_STD`` is taken without a network."""
FEW_FRAMES_STD = 20 / 255
"""Noise beyond which it is with fewer."""


def noise_beyond(network: object, noise: Noise, frames: int) -> str | None:
    """Why a network for bursts does not suit a burst, for people.

    Args:
        network: one for bursts, one that enlarges luma, converted stages, or ``None``.
        noise: noise of one frame.
        frames: number of frames that are merged.

    Returns:
        What was done instead; ``None`` where the network suits, or there is no other way: converted
        stages hold no restoration, and are told ``LEARNED_STD``.
    """
    if not isinstance(network, nn.Module) or not decodes_bursts(network):
        return None
    limit = LEARNED_STD if frames >= MANY_FRAMES else FEW_FRAMES_STD
    if noise.typical_std <= limit:
        return None
    return (
        f"noise of {255 * noise.typical_std:.1f} levels is more than the "
        f"{255 * LEARNED_STD:.0f} that the network has learned; the restoration without a network "
        "made the picture"
    )
