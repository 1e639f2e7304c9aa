"""The stages that a merge runs: ``encode`` by frame and tile, ``decode`` by piece of the sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.decode import Decode
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.restore import Restore
from edge_sdk.models.spec import PictureSpec, Task

TILE_PX = 192
"""Most rows and columns of a tile, in pixels of a frame: what fits a processor's cache."""
DECODED_PX = 128
"""Most rows and columns that are decoded together: their finer planes fit a processor's cache."""
LEARNED_STD = 24 / 255
"""Most noise that networks for bursts have learned to take; they are told no more."""

EncodeStage = Callable[
    [Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor], tuple[Tensor, Tensor, Tensor]
]
"""Reference, frames, offsets, confidences, light and noise to sums, weights and trust; as
:class:`Encode`."""
DecodeStage = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Sums, weights and reference to the picture without ``halo_px``; as :class:`Restore`."""


@dataclass(frozen=True, eq=False)
class StageSet:
    """What :func:`~edge_sdk.burst.driver.merging.merge` runs.

    Attributes:
        encode: stage ``encode``.
        decode: stage ``decode``, for the burst's noise and number of frames.
        scale: enlargement.
        halo_px: margin that ``decode`` consumes, in pixels of a frame.
        tile_px: most rows and columns of a tile that ``encode`` takes, halo left out.
        decoded_px: most rows and columns that ``decode`` returns, in pixels of a frame.
    """

    encode: EncodeStage
    decode: DecodeStage
    scale: int
    halo_px: int
    tile_px: int
    decoded_px: int


class NetworkDecode(nn.Module):
    """Stages ``blend`` and ``decode`` of a network for burst zoom.

    Args:
        network: of task burst-zoom.
        spec: its own.
    """

    def __init__(self, network: nn.Module, spec: PictureSpec) -> None:
        super().__init__()
        self.network = network
        self.scale = spec.scale
        self.blend = Blend(self.scale)
        self.halo_px = self.blend.halo_px + spec.halo_px
        self._margin = spec.scale * spec.halo_px

    def forward(
        self, sums: Tensor, weights: Tensor, reference: Tensor, noise: Tensor, lens: Tensor
    ) -> Tensor:
        """From what :class:`Blend` takes to the picture without ``halo_px``."""
        features = self.blend(sums, weights, reference, noise, lens)
        margin = self._margin
        inside: Tensor = self.network(features)[..., margin:-margin, margin:-margin]
        return inside


def decodes_bursts(network: object) -> bool:
    """Whether a network takes what ``blend`` makes of a burst, instead of a picture."""
    spec = getattr(network, "spec", None)
    return isinstance(spec, PictureSpec) and spec.task == Task.BURST_ZOOM


def stages_for(
    network: nn.Module | None, config: ZoomConfig, noise: Noise, frames: int, lens_std_px: float
) -> StageSet:
    """The stages in PyTorch.

    Args:
        network: one for bursts, one that enlarges luma, or ``None`` for the restoration without.
        config: scale, steering and restoration.
        noise: noise of one frame.
        frames: number of frames that are added up.
        lens_std_px: standard deviation of the lens blur, in pixels of a frame.
    """
    std = noise.typical_std
    encode = Encode(config.scale, steering=config.steering)
    decode: NetworkDecode | Decode | Restore
    spec = getattr(network, "spec", None)
    if network is not None and isinstance(spec, PictureSpec) and decodes_bursts(network):
        decode = NetworkDecode(network, spec)
        known = noise.limited(LEARNED_STD).tensor()
        finished = partial(decode, noise=known, lens=lens_tensor(lens_std_px))
    else:
        if network is not None:
            decode = Decode(network, std, frames, lens_std_px=lens_std_px)
        else:
            decode = Restore(config.scale, std, frames, config.restoration, lens_std_px=lens_std_px)
        finished = partial(decode, noise=noise.tensor())
    return StageSet(encode, finished, config.scale, decode.halo_px, TILE_PX, DECODED_PX)


def lens_tensor(lens_std_px: float) -> Tensor:
    """The blur of a lens as stages take it, float32 [1, 1, 1, 1]."""
    return torch.full((1, 1, 1, 1), lens_std_px)
