"""Light that is not the same in all frames: flicker, white balance, bands of lamps."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from edge_sdk.errors import InputError

WAVES = 3
"""Bands over the height of a frame."""


@dataclass(frozen=True)
class LightChanges:
    """How far the light of a frame may be from the scene's, as shares of it.

    Attributes:
        flicker: largest change of all colors, drawn evenly for every frame.
        balance: the same of red and of blue, each by itself.
        bands: amplitude of a wave along the rows, three over the height, whose phase every frame
            draws anew: a rolling shutter under a lamp on mains current.

    Example:
        >>> from edge_sdk.data import CameraConfig, LightChanges
        >>> CameraConfig(light=LightChanges(flicker=0.08)).light.bands
        0.0
    """

    flicker: float = 0.0
    balance: float = 0.0
    bands: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not 0 <= share <= 0.5:
                raise InputError(
                    f"a change of light by {field.name} must be 0 to 0.5 of it, not {share:g}"
                )


@dataclass(frozen=True, eq=False)
class FrameLights:
    """What the light of each frame is multiplied by.

    Attributes:
        gains: float32 [N, 3].
        phases: float32 [N], in waves.
        bands: amplitude.
    """

    gains: Tensor
    phases: Tensor
    bands: float

    def factor(self, index: int, height: int) -> Tensor:
        """Factor of a frame, float32 [3, height, 1]; a frame of twice the rows has the same."""
        rows = (torch.arange(height) + 0.5) / height
        wave = torch.sin(2 * math.pi * (WAVES * rows + self.phases[index]))
        return self.gains[index][:, None, None] * (1 + self.bands * wave)[None, :, None]


def draw_lights(changes: LightChanges, frames: int, generator: torch.Generator) -> FrameLights:
    """Draw the light of every frame."""
    drawn = 2 * torch.rand(frames, 4, generator=generator) - 1
    balance = torch.stack((drawn[:, 1], torch.zeros(frames), drawn[:, 2]), 1)
    gains = (1 + changes.flicker * drawn[:, :1]) * (1 + changes.balance * balance)
    return FrameLights(gains, drawn[:, 3], changes.bands)
