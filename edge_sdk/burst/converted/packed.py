"""Stages as phones run them: one tensor in, one tensor out, of fixed size.

Every tensor of a stage is some of the channels of one tensor, in the order of this page, so that a
file of any format has one input and one output:

=========  ==============================================================  =======================
stage      input                                                           output
=========  ==============================================================  =======================
``encode`` reference 3, frame 3, offset 2, confidence 1, noise 1           sums 3·s², weights s²,
                                                                           trust 1
``blend``  sums 3·s², weights s², reference 3, noise 1                     features 4·s² + 7
``decode`` features 4·s² + 7                                               picture 3, s times wider
=========  ==============================================================  =======================

Noise is the standard deviation of one frame, the same number everywhere in its channel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode

ENCODE_CHANNELS = 10
"""Channels of the input of ``encode``."""


def blend_channels(scale: int) -> int:
    """Channels of the input of ``blend``: 4·s² + 4."""
    return 4 * scale**2 + 4


class PackedEncode(nn.Module):
    """Stage ``encode`` for one frame, as one tensor to one tensor.

    Args:
        encode: the stage.
    """

    def __init__(self, encode: Encode) -> None:
        super().__init__()
        self.encode = encode

    def forward(self, packed: Tensor) -> Tensor:
        """Float [1, 10, T, T] to float [1, 4·s² + 1, T − 10, T − 10]."""
        reference, frame, offset = packed[:, 0:3], packed[:, 3:6], packed[:, 6:8]
        noise = packed[:, 9:10, :1, :1]
        sums, weights, trust = self.encode(reference, frame, offset, packed[:, 8:9], noise)
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
        """Float [1, 4·s² + 4, t, t] to float [1, 4·s² + 7, t − 2, t − 2]."""
        values = 3 * self.blend.scale**2
        ends = (values, values + values // 3, values + values // 3 + 3)
        sums, weights = packed[:, : ends[0]], packed[:, ends[0] : ends[1]]
        reference, noise = packed[:, ends[1] : ends[2]], packed[:, ends[2] :, :1, :1]
        features: Tensor = self.blend(sums, weights, reference, noise)
        return features
