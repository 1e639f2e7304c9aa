"""Stages as phones run them: one tensor in, one tensor out, of fixed size.

Every tensor of a stage is some of the channels of one tensor, in the order of this page, so that a
file of any format has one input and one output:

=========  ==============================================================  =======================
stage      input                                                           output
=========  ==============================================================  =======================
``encode`` reference 3, frame 3, offset 2, confidence 1, numbers 3         sums 3·s², weights s²,
                                                                           trust 1
``blend``  sums 3·s², weights s², reference 3, numbers 3                   features 4·s² + 8
``decode`` features 4·s² + 8                                               picture 3, s times wider
=========  ==============================================================  =======================

The numbers of a color are in the first columns of its channel: by row, gain and offset of the
light; then, in the first K rows, the two curves of noise. Column four of the first row has the blur
of the lens. The rest of the channel is not read.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.noise_map import LEVELS

LENS_COLUMN = 4
ENCODE_CHANNELS = 12
"""Channels of the input of ``encode``."""


def blend_channels(scale: int) -> int:
    """Channels of the input of ``blend``: 4·s² + 6."""
    return 4 * scale**2 + 6


def packed_numbers(
    light: Tensor | None, noise: Tensor, height: int, width: int, lens_std_px: float = 0.0
) -> Tensor:
    """Light, noise and lens as channels.

    Args:
        light: float [1, 3, height, 2], gain and offset; ``None`` for 1 and 0.
        noise: float [1, 3, K, 2].
        height: rows, at least K.
        width: columns, at least 5.
        lens_std_px: blur of the lens, which ``blend`` alone reads.

    Returns:
        Float [1, 3, height, width].
    """
    if light is None:
        light = torch.tensor([1.0, 0.0]).expand(1, 3, height, 2)
    below = functional.pad(noise, (0, 0, 0, height - noise.shape[2]))
    numbers = functional.pad(torch.cat((light, below), 3), (0, width - 4))
    numbers[:, :, 0, LENS_COLUMN] = lens_std_px
    return numbers


class PackedEncode(nn.Module):
    """Stage ``encode`` for one frame, as one tensor to one tensor.

    Args:
        encode: the stage.
    """

    def __init__(self, encode: Encode) -> None:
        super().__init__()
        self.encode = encode

    def forward(self, packed: Tensor) -> Tensor:
        """Float [1, 12, T, T] to float [1, 4·s² + 1, T − 10, T − 10]."""
        reference, frame, offset = packed[:, 0:3], packed[:, 3:6], packed[:, 6:8]
        light, noise = packed[:, 9:12, :, 0:2], _noise(packed[:, 9:12])
        sums, weights, trust = self.encode(reference, frame, offset, packed[:, 8:9], light, noise)
        return torch.cat((sums, weights, trust), 1)


class PackedBlend(nn.Module):
    """Stage ``blend`` as one tensor to one tensor.

    Args:
        blend: the stage.
    """

    def __init__(self, blend: Blend) -> None:
        super().__init__()
        self.blend = blend

    def forward(self, packed: Tensor) -> Tensor:
        """Float [1, 4·s² + 6, t, t] to float [1, 4·s² + 8, t − 2, t − 2]."""
        values = 3 * self.blend.scale**2
        ends = (values, values + values // 3, values + values // 3 + 3)
        sums, weights = packed[:, : ends[0]], packed[:, ends[0] : ends[1]]
        reference, noise = packed[:, ends[1] : ends[2]], _noise(packed[:, ends[2] :])
        lens = packed[:, ends[2] : ends[2] + 1, :1, LENS_COLUMN : LENS_COLUMN + 1]
        features: Tensor = self.blend(sums, weights, reference, noise, lens)
        return features


def _noise(numbers: Tensor) -> Tensor:
    return numbers[:, :, : len(LEVELS), 2:4]
