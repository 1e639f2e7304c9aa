"""The stages that a merge runs: ``encode`` by frame and tile, ``decode`` by piece of the sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.decode import Decode, DecodeConfig
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.restore import Restore
from edge_sdk.models.spec import PictureSpec, Task

TILE_PX = 192
"""Most rows and columns of a tile, in pixels of a frame: what fits a processor's cache."""
DECODED_PX = 128
"""Most rows and columns that are decoded together: their finer planes fit a processor's cache."""

EncodeStage = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""Reference, frames, offsets, confidences, noise to sums, weights, trust; as :class:`Encode`."""
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
    """Stages ``blend`` and ``decode`` of a network for burst zoom, for one level of noise.

    Args:
        network: of task burst-zoom.
        spec: its own.
        noise_std: noise of one frame on values in [0, 1].
    """

    def __init__(self, network: nn.Module, spec: PictureSpec, noise_std: float) -> None:
        super().__init__()
        self.network = network
        self.scale = spec.scale
        self.blend = Blend(self.scale)
        self.halo_px = self.blend.halo_px + spec.halo_px
        self._margin = spec.scale * spec.halo_px
        self.register_buffer("noise_std", torch.full((1, 1, 1, 1), noise_std), persistent=False)
        self.noise_std: Tensor

    def forward(self, sums: Tensor, weights: Tensor, reference: Tensor) -> Tensor:
        """As :meth:`Decode.forward <edge_sdk.burst.stages.decode.Decode.forward>`."""
        features = self.blend(sums, weights, reference, self.noise_std)
        margin = self._margin
        inside: Tensor = self.network(features)[..., margin:-margin, margin:-margin]
        return inside


def decodes_bursts(network: object) -> bool:
    """Whether a network takes what ``blend`` makes of a burst, instead of a picture."""
    spec = getattr(network, "spec", None)
    return isinstance(spec, PictureSpec) and spec.task == Task.BURST_ZOOM


def stages_for(
    network: nn.Module | None, config: ZoomConfig, noise_std: float, frames: int
) -> StageSet:
    """The stages in PyTorch.

    Args:
        network: one for bursts, one that enlarges luma, or ``None`` for the restoration without.
        config: scale, steering and restoration.
        noise_std: noise of one frame on values in [0, 1].
        frames: number of frames that are added up.
    """
    encode = Encode(config.scale, steering=config.steering)
    decode: NetworkDecode | Decode | Restore
    spec = getattr(network, "spec", None)
    if network is not None and isinstance(spec, PictureSpec) and decodes_bursts(network):
        decode = NetworkDecode(network, spec, noise_std)
    elif network is not None:
        known = DecodeConfig(lens_std_px=config.restore.lens_std_px)
        decode = Decode(network, noise_std, frames, known)
    else:
        decode = Restore(config.scale, noise_std, frames, config.restore)
    return StageSet(encode, decode, config.scale, decode.halo_px, TILE_PX, DECODED_PX)
