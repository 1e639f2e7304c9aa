"""BurstPaperNet: the multi-frame network of specification 2, "The network", from frames to picture.

M frames on the finer grid, the reference first, go one by one through an encoder of shared weights:

    f¹ = a(conv(frame, 8σ))              c channels, full size
    f² = a(conv, stride 2 (f¹))         4c channels, half size
    f³ = a(conv, stride 2 (f²))         8c channels, quarter size

with a a leaky ReLU and 3×3 convolutions. At every size the features of the M frames are joined over
channels, those of the reference multiplied by ``reference_weight`` first, those of the others as
they are: jᵏ = (ω·fᵏ₀, fᵏ₁, …, fᵏ_{M−1}). Then, with d a transposed convolution of 2×2, stride 2,

    q = blocks(a(conv 1×1 (j³)))         ``width`` channels, quarter size
    h = a(conv(a(d(q)), j²))            4c channels, half size
    p = a(conv(a(d(h)), j¹))             c channels, full size
    output = reference + conv(p)         3 channels

What the document leaves open: the 1×1 convolution before the residual blocks, without which each of
them has 18·(8c·M)² weights (7.4 million by default); the noise level beside each frame; the slope
of the activation, with which no feature stays at 0; and the reference added to the output.

The convolution after a join can learn to undo a constant factor, so that ω is no guarantee about a
trained network. It makes the reference's part in every join, and the gradient that reaches
the weights behind it, ω times another frame's at first.

Frames are joined in their places: the order of the others matters to a trained network, and
:func:`~edge_sdk.burst.inputs.resampled.resample_burst` puts those first that agree best. The
network consists of convolutions, leaky ReLU, products with a number, sums, slices and joins, and
converts whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import InputError

__all__ = ["BurstPaperConfig", "BurstPaperNet", "BurstPaperSpec"]

COLORS = 3
SIZE_MULTIPLE = 4
"""Two halvings of the size."""
MIN_LEARNED = 1.001
"""What a learned weight of the reference stays above; a float32 sum of 1 and a vanishing softplus
would be 1 itself."""
FIRST_LEARNED = 2.0
"""Where a learned weight of the reference starts."""
MAX_REFERENCE_WEIGHT = 100.0
NOISE_GAIN = 8.0
"""Factor of the noise level, as in :class:`~edge_sdk.burst.stages.blend.Blend`: σ = 1/8 becomes
1."""
LEAKY_SLOPE = 0.1
FIRST_RESIDUAL = 0.1
"""Factor of the last convolution's first weights: training starts near the reference."""


@dataclass(frozen=True)
class BurstPaperConfig:
    """Description of a BurstPaperNet, complete enough to rebuild it.

    Attributes:
        frames: number M of frames in an input, the reference included, 2 or more; fixed, since the
            features are joined over channels.
        channels: c, channels at full size; 4c at half and 8c at quarter size.
        blocks: number of residual blocks at quarter size, at least 1.
        width: channels of the residual blocks.
        reference_weight: ω, factor of the reference's features at every size, where those of
            others have 1. A number above 1, at most 100; 1 itself treats all frames alike and is
            there to compare with. ``learned`` for 1.001 + softplus(w) with one parameter w for all
            sizes, above 1 whatever w is, 2 at the start.

    Raises:
        InputError: if a value is not one of these.
    """

    frames: int = 10
    channels: int = 8
    blocks: int = 4
    width: int = 64
    reference_weight: float | Literal["learned"] = 2.0

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise InputError(f"frames must be 2 or more, not {self.frames}; one frame is no burst")
        for name in ("channels", "blocks", "width"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, not {getattr(self, name)}")
        weight = self.reference_weight
        if isinstance(weight, str):
            if weight != "learned":
                raise InputError(
                    f"reference_weight '{weight}' is unknown; give a number or learned"
                )
        elif not 1 <= weight <= MAX_REFERENCE_WEIGHT:
            raise InputError(
                f"the reference weighs more than another frame: reference_weight above 1 and at "
                f"most {MAX_REFERENCE_WEIGHT:g}, not {weight}"
            )


@dataclass(frozen=True)
class BurstPaperSpec:
    """What a caller must know to feed a BurstPaperNet; output and input have one size.

    Attributes:
        frames: number M of frames in an input.
        input_channels: 3·M + 1.
        size_multiple: height and width are multiples of this; tiles start and end at such.
        halo_px: pixels around a tile that influence its output; a multiple of ``size_multiple``.
    """

    frames: int
    input_channels: int
    size_multiple: int
    halo_px: int


class BurstPaperNet(nn.Module):
    """Joins M frames of a burst into one picture; see the equations of this module.

    The output is not clipped: a caller that shows it clamps to [0, 1].

    Args:
        config: sizes, and the weight of the reference.
    """

    def __init__(self, config: BurstPaperConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or BurstPaperConfig()
        c, frames = config.channels, config.frames
        self.encode_full = nn.Conv2d(COLORS + 1, c, 3, padding=1)
        self.encode_half = nn.Conv2d(c, 4 * c, 3, stride=2, padding=1)
        self.encode_quarter = nn.Conv2d(4 * c, 8 * c, 3, stride=2, padding=1)
        self.join_quarter = nn.Conv2d(8 * c * frames, config.width, 1)
        self.blocks = nn.Sequential(*(_ResidualBlock(config.width) for _ in range(config.blocks)))
        self.up_half = nn.ConvTranspose2d(config.width, 4 * c, 2, stride=2)
        self.join_half = nn.Conv2d(4 * c * (frames + 1), 4 * c, 3, padding=1)
        self.up_full = nn.ConvTranspose2d(4 * c, c, 2, stride=2)
        self.join_full = nn.Conv2d(c * (frames + 1), c, 3, padding=1)
        self.reconstruct = nn.Conv2d(c, COLORS, 3, padding=1)
        with torch.no_grad():
            self.reconstruct.weight.mul_(FIRST_RESIDUAL)
            self.reconstruct.bias.zero_()  # type: ignore[union-attr]
        self.weight_parameter: nn.Parameter | None = None
        if config.reference_weight == "learned":
            start = math.log(math.expm1(FIRST_LEARNED - MIN_LEARNED))
            self.weight_parameter = nn.Parameter(torch.tensor([[[[start]]]]))

    @property
    def reference_weight(self) -> float:
        """ω as it stands, given or learned so far."""
        weight = self._weight()
        return float(weight.detach()) if isinstance(weight, Tensor) else weight

    @property
    def spec(self) -> BurstPaperSpec:
        """Channels, size multiple and halo.

        From an output pixel back: two 3×3 convolutions at full size and one at half, on tiles that
        start at multiples of 4, reach into one pixel of quarter size beyond the tile; the blocks
        two more each; and the encoder 4 px to either side of where such a pixel starts.
        """
        halo = SIZE_MULTIPLE * (1 + 2 * self.config.blocks) + 4
        channels = COLORS * self.config.frames + 1
        return BurstPaperSpec(self.config.frames, channels, SIZE_MULTIPLE, halo)

    def with_fixed_weight(self) -> BurstPaperNet:
        """The same network with the weight of the reference as a number, for conversion."""
        fixed = BurstPaperNet(replace(self.config, reference_weight=self.reference_weight))
        state = {name: x for name, x in self.state_dict().items() if name != "weight_parameter"}
        fixed.load_state_dict(state)
        return fixed.to(self.reconstruct.weight).train(self.training)

    def forward(self, x: Tensor) -> Tensor:
        """Join a burst.

        Args:
            x: float [N, 3·M + 1, H, W], H and W multiples of 4: the frames on one grid, sRGB in
                [0, 1], three channels each and the reference first; then a plane of σ, the noise
                of one frame on values in [0, 1].

        Returns:
            Float [N, 3, H, W], sRGB, about [0, 1], not clipped.

        Raises:
            InputError: if the number of channels or the size is another.
        """
        self._check(x)
        noise = NOISE_GAIN * x[:, -1:]
        full, half, quarter = [], [], []
        for first in range(0, COLORS * self.config.frames, COLORS):
            frame = torch.cat((x[:, first : first + COLORS], noise), 1)
            full.append(_active(self.encode_full(frame)))
            half.append(_active(self.encode_half(full[-1])))
            quarter.append(_active(self.encode_quarter(half[-1])))
        weight = self._weight()
        for features in (full, half, quarter):
            features[0] = features[0] * weight
        deep = self.blocks(_active(self.join_quarter(torch.cat(quarter, 1))))
        deep = _active(self.up_half(deep))
        deep = _active(self.join_half(torch.cat((deep, *half), 1)))
        deep = _active(self.up_full(deep))
        deep = _active(self.join_full(torch.cat((deep, *full), 1)))
        residual: Tensor = self.reconstruct(deep)
        return residual + x[:, :COLORS]

    def _weight(self) -> Tensor | float:
        if self.weight_parameter is not None:
            return MIN_LEARNED + functional.softplus(self.weight_parameter)
        assert not isinstance(self.config.reference_weight, str)
        return float(self.config.reference_weight)

    def _check(self, x: Tensor) -> None:
        channels = COLORS * self.config.frames + 1
        if x.ndim != 4 or x.shape[1] != channels:
            raise InputError(
                f"input must be [N, {channels}, H, W], {self.config.frames} frames of 3 channels "
                f"and the noise level, not {tuple(x.shape)}; resample the burst to "
                f"{self.config.frames} frames"
            )
        height, width = x.shape[-2:]
        if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE or not height or not width:
            raise InputError(
                f"height and width must be multiples of {SIZE_MULTIPLE}, not {height}×{width}; "
                "crop or pad the input"
            )


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(_active(self.first(x)))
        return x + change


def _active(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, LEAKY_SLOPE)
