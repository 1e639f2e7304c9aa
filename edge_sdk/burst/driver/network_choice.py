"""Whether a burst is one that a network for bursts has learned to take.

On bursts of the CC0 validation photographs the network gains over the restoration without it where
the lens is estimated at 0.18 to 0.5 px: up to 2.7 dB with the lens of 0.3 px that it has learned.
Elsewhere the restoration, which undoes the lens that is there, is better by up to 3.2 dB. With that
lens the network gains up to noise of about 13 levels with 8 frames, 16 with 2, and 22 with one,
which no other frame cleans; beyond, it loses up to 2 dB.
"""

from __future__ import annotations

from torch import nn

from edge_sdk.burst.driver.stage_set import LEARNED_STD, decodes_bursts
from edge_sdk.burst.noise.curve import Noise

MANY_FRAMES = 3
"""Frames from which on noise beyond ``LEARNED_STD`` is taken without a network."""
FEW_FRAMES_STD = 20 / 255
"""Noise beyond which it is with fewer."""
LEAST_LENS_PX = 0.175
"""A sharper lens, given or estimated, is taken without a network."""
MOST_LENS_PX = 0.5
"""And so is a softer one."""


def why_unsuited(network: object, noise: Noise, lens_std_px: float, frames: int) -> str | None:
    """Why a network for bursts does not suit a burst, for people.

    Args:
        network: one for bursts, one that enlarges luma, converted stages, or ``None``.
        noise: noise of one frame.
        lens_std_px: blur of the lens, in pixels of a frame.
        frames: number of frames that are merged.

    Returns:
        What was done instead; ``None`` where the network suits, or there is no other way: converted
        stages hold no restoration, and are told ``LEARNED_STD``.
    """
    if not isinstance(network, nn.Module) or not decodes_bursts(network):
        return None
    instead = "the restoration without a network made the picture"
    limit = LEARNED_STD if frames >= MANY_FRAMES else FEW_FRAMES_STD
    if noise.typical_std > limit:
        return (
            f"noise of {255 * noise.typical_std:.1f} levels is more than the "
            f"{255 * limit:.0f} that the network takes; {instead}"
        )
    if not LEAST_LENS_PX <= lens_std_px <= MOST_LENS_PX:
        kind = "sharper" if lens_std_px < LEAST_LENS_PX else "softer"
        return (
            f"the lens, with a blur of {lens_std_px:.2f} px, is {kind} than those that the network "
            f"has learned; {instead}"
        )
    return None
