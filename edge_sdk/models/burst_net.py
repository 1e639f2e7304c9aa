"""BurstNet: from the features of a burst to the enlarged picture, by a few steps of shrinkage.

With d₀ = M − m the detail that the merged colors M show beyond the frames' mean m, and a what else
``blend`` says (mean, reference, noise, lens), every stage takes back what noise and blur made:

    dₖ₊₁ = dₖ + Bₖ·φ(Aₖ·(dₖ, a)),        picture = m + d_K,

A and B convolutions of 3×3, φ a leaky ReLU: the unrolled iteration of Gregor & LeCun (*Learning
fast approximations of sparse coding*, 2010) and Chen & Pock (*Trainable nonlinear reaction
diffusion*, 2017). All stages see noise and lens anew, so that no channel carries them through.

While training, A and B work in standardized coordinates
(:mod:`edge_sdk.reparam.blocks.standardized`): details times ``GAIN``, which fill the range that the
mean has. Fused, they are plain convolutions of M and a themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from pydantic import ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.models.architecture import ARCHITECTURES, Architecture
from edge_sdk.models.network import PictureNetwork
from edge_sdk.models.spec import Color, PictureSpec, Task, burst_channels
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.configs import BranchConfig, ConvBranchConfig, common_kernel
from edge_sdk.reparam.blocks.initialization import SMALL
from edge_sdk.reparam.blocks.standardized import Coordinates, StandardizedConv2d

__all__ = ["BurstNet", "BurstNetConfig"]

COLORS = 3
GAIN = 8.0
"""Factor of details in standardized coordinates."""
MIDDLE = 0.5
"""What is taken off the mean there."""
LEAKY_SLOPE = 0.1
SIDE = 3


@dataclass(frozen=True)
class BurstNetConfig:
    """Description of a BurstNet, complete enough to rebuild it.

    Attributes:
        scale: enlargement, 1 to 4.
        stages: number of steps K, 1 or more.
        width: channels between A and B, 1 or more.
        branches: branches of every block, two or more, which merge into 3×3; ``None`` for plain
            convolutions (the fused form).
        blocks: of a partly merged network, the branches of each convolution in order (A₀, B₀, A₁
            …), ``None`` for a plain one; ``branches`` is ``None`` then.
        collapsed: train on the merged kernel (one convolution per block and step).

    Raises:
        InputError: if a value is not one of these, or two do not fit each other.

    Example:
        >>> from edge_sdk.models import BurstNetConfig
        >>> BurstNetConfig(stages=2).fused().branches is None
        True
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    scale: int = 2
    stages: int = 3
    width: int = 32
    branches: tuple[BranchConfig, ...] | None = (ConvBranchConfig((3,)), ConvBranchConfig((1,)))
    blocks: tuple[tuple[BranchConfig, ...] | None, ...] | None = None
    collapsed: bool = True
    architecture: Literal["burst_net"] = "burst_net"

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= 4:
            raise InputError(f"scale {self.scale} is not supported by burst_net; choose 1 to 4")
        for name in ("stages", "width"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if self.blocks is not None and self.branches is not None:
            raise InputError("branches and blocks both describe the convolutions; give one of them")
        if self.blocks is not None and len(self.blocks) != 2 * self.stages:
            raise InputError(
                f"blocks must describe each of the {2 * self.stages} convolutions, not "
                f"{len(self.blocks)}"
            )
        for branches in self.blocks or (self.branches,):
            if branches is not None and (
                len(branches) < 2 or common_kernel(branches) != (SIDE, SIDE)
            ):
                raise InputError("branches must be two or more that merge into 3×3")

    def block(self, index: int) -> tuple[BranchConfig, ...] | None:
        """Branches of convolution ``index``, in the order A₀, B₀, A₁ …; ``None`` if it is plain."""
        return self.branches if self.blocks is None else self.blocks[index]

    def fused(self) -> BurstNetConfig:
        """Config of the fused network: the same with plain convolutions."""
        return replace(self, branches=None, blocks=None)


class BurstNet(PictureNetwork):
    """Features of a burst to the picture; see the equations of this module.

    The output is not clipped: a caller that shows it clamps to [0, 1].

    Args:
        config: sizes and branches.

    Example:
        >>> import torch
        >>> from edge_sdk.models import BurstNet, BurstNetConfig
        >>> network = BurstNet(BurstNetConfig(scale=2)).eval()
        >>> network(torch.rand(1, 24, 20, 30)).shape, network.spec.halo_px
        (torch.Size([1, 3, 40, 60]), 6)
    """

    def __init__(self, config: BurstNetConfig | None = None) -> None:
        super().__init__()
        self._config = config = config or BurstNetConfig()
        details = COLORS * config.scale**2
        inside, outside = _coordinates(config.scale), _scaled(config.width)
        self.analyses = nn.ModuleList(
            _convolution(inside, config.width, config, 2 * stage) for stage in range(config.stages)
        )
        self.syntheses = nn.ModuleList(
            _convolution(outside, details, config, 2 * stage + 1) for stage in range(config.stages)
        )
        for synthesis in self.syntheses:
            _shrink(synthesis)
        self.activation = nn.LeakyReLU(LEAKY_SLOPE)

    @property
    def config(self) -> BurstNetConfig:
        """Config that builds this network as it stands, be it fused wholly, in part or not."""
        pairs = zip(self.analyses, self.syntheses, strict=True)
        blocks = tuple(
            block.configs if isinstance(block, MultiBranchConv2d) else None
            for pair in pairs
            for block in pair
        )
        if not any(blocks):
            return self._config.fused()
        if blocks == tuple(self._config.block(index) for index in range(len(blocks))):
            return self._config
        return replace(self._config, branches=None, blocks=blocks)

    @property
    def spec(self) -> PictureSpec:
        """What a caller must know to feed this network: two convolutions a stage reach 2 px."""
        return PictureSpec(
            architecture=self._config.architecture,
            task=Task.BURST_ZOOM,
            scale=self._config.scale,
            color=Color.RGB,
            size_multiple=1,
            halo_px=2 * self._config.stages * (SIDE // 2),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Decode features.

        Args:
            features: float [N, 4·s² + 8, H, W] in [0, 1], as
                :class:`~edge_sdk.burst.stages.blend.Blend` returns them.

        Returns:
            Float [N, 3, s·H, s·W], sRGB, about [0, 1], not clipped.
        """
        details = COLORS * self._config.scale**2
        merged, rest = features[:, :details], features[:, details:]
        stages = zip(self.analyses, self.syntheses, strict=True)
        for stage, (analysis, synthesis) in enumerate(stages):
            seen = torch.cat((merged, rest), 1) if stage else features
            merged = merged + synthesis(self.activation(analysis(seen)))
        if self._config.scale == 1:
            return merged
        return functional.pixel_shuffle(merged, self._config.scale)


def _coordinates(scale: int) -> Coordinates:
    """From features to (GAIN·(M − m), m − ½, GAIN·(reference − m), the rest)."""
    phases = scale**2
    matrix, shift = _identity(burst_channels(scale)), [0.0] * burst_channels(scale)
    mean, reference = COLORS * phases, COLORS * phases + COLORS
    for color in range(COLORS):
        shift[mean + color] = -MIDDLE
        for row in (*range(phases * color, phases * (color + 1)), reference + color):
            matrix[row][row] = GAIN
            matrix[row][mean + color] = -GAIN
    return Coordinates(torch.tensor(matrix), torch.tensor(shift))


def _scaled(width: int) -> Coordinates:
    return Coordinates(torch.tensor(_identity(width)), torch.tensor([0.0] * width), 1 / GAIN)


def _identity(size: int) -> list[list[float]]:
    # Of numbers: torch.eye on the meta device, where specs are read, loads a compiler.
    return [[float(row == column) for column in range(size)] for row in range(size)]


def _convolution(
    coordinates: Coordinates, channels: int, config: BurstNetConfig, index: int
) -> nn.Module:
    branches = config.block(index)
    if branches is None:
        return nn.Conv2d(coordinates.matrix.shape[1], channels, SIDE, padding=SIDE // 2)
    return StandardizedConv2d(
        coordinates, channels, branches, collapsed=config.collapsed, initialization="plain"
    )


@torch.no_grad()
def _shrink(block: nn.Module) -> None:
    """Training starts near the merged colors."""
    if isinstance(block, MultiBranchConv2d):
        block.rescale(SMALL)


ARCHITECTURES.register(BurstNetConfig.architecture, Architecture(BurstNet, BurstNetConfig))
