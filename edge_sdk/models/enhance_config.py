"""Description of an EnhanceNet: everything that is needed to rebuild it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict

from edge_sdk.errors import InputError
from edge_sdk.models.spec import Color, Task, burst_channels
from edge_sdk.reparam.blocks.configs import (
    BranchConfig,
    ConvBranchConfig,
    IdentityBranchConfig,
    common_kernel,
)
from edge_sdk.reparam.blocks.presets import sesr_branches

Activation = Literal["prelu", "relu", "leaky_relu"]

KERNEL_PX = 3
SCALES = {
    Task.SUPER_RESOLUTION: (2, 3, 4),
    Task.DOWN_SCALING: (2, 3, 4),
    Task.DENOISING: (1,),
    Task.BURST_ZOOM: (2, 3, 4),
}
"""Ratios of sizes that each task knows."""


@dataclass(frozen=True)
class EnhanceNetConfig:
    """Description of an EnhanceNet, complete enough to rebuild it.

    Attributes:
        scale: ratio of sizes in each direction, 2 to 4: output over input for super-resolution and
            burst zoom, input over output for down-scaling; 1 for denoising.
        color: what the channels mean.
        widths: channels after conv1 and after each of the P modules, P + 1 numbers.
        branches: branches of every block, two or more, the largest of size 3; ``None`` for plain
            3×3 convolutions (the fused form).
        activation: nonlinearity after conv1 and after every module.
        skips: pairs (i, j), i < j: the output of the i-th module is added to that of the j-th and
            the sum feeds what follows; 0 stands for the initial features (after conv1).
        image_skip: add the input to the output: enlarged by nearest neighbor for
            super-resolution, averaged over scale × scale pixels for down-scaling, as it is for
            denoising; for burst zoom the merged colors, its first 3·scale² channels.
        collapsed: train on the merged kernel (one convolution per block and step).
        task: what the network does.
        blocks: of a partly merged network, the branches of each convolution in order (conv1, the
            modules, conv2), ``None`` for a plain one; ``branches`` is ``None`` then. ``None`` where
            all have the same ``branches``.
        norm: a BatchNorm after the sum of the branches of every block, as in QARepVGG; fused, it is
            part of the convolution.

    Raises:
        InputError: if a value is not one of these, or two do not fit each other.

    Example:
        >>> from edge_sdk.models import Color, EnhanceNetConfig, Task
        >>> config = EnhanceNetConfig(scale=1, task=Task.DENOISING, color=Color.RGB)
        >>> config.block_channels(0), config.fused().branches
        ((3, 16), None)
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    scale: int = 2
    color: Color = Color.Y
    widths: tuple[int, ...] = (16, 16, 16, 16, 16)
    branches: tuple[BranchConfig, ...] | None = sesr_branches(64)
    activation: Activation = "prelu"
    skips: tuple[tuple[int, int], ...] = ((0, 4),)
    image_skip: bool = True
    collapsed: bool = True
    architecture: Literal["enhance_net"] = "enhance_net"
    task: Task = Task.SUPER_RESOLUTION
    blocks: tuple[tuple[BranchConfig, ...] | None, ...] | None = None
    norm: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.task, Task):
            raise InputError(f"task {self.task!r} is no Task; choose one of: {', '.join(Task)}")
        if self.scale not in SCALES[self.task]:
            *others, last = (str(scale) for scale in SCALES[self.task])
            choice = f"{', '.join(others)} or {last}" if others else last
            raise InputError(f"scale {self.scale} is not supported by {self.task}; choose {choice}")
        if not isinstance(self.color, Color):
            raise InputError(f"color {self.color!r} is no Color; give Color.Y or Color.RGB")
        if self.task is Task.BURST_ZOOM and self.color is not Color.RGB:
            raise InputError("burst zoom works on red, green and blue; set color: rgb")
        if not self.widths or any(width < 1 for width in self.widths):
            raise InputError(f"widths {self.widths} must be positive, at least one")
        if self.branches is not None:
            _check_branches(self.branches)
        elif self.norm and self.blocks is None:
            raise InputError(
                "norm follows the sum of branches and plain convolutions have none; give branches, "
                "or leave norm out"
            )
        self._check_blocks()
        if self.activation not in get_args(Activation):
            raise InputError(
                f"activation '{self.activation}' is unknown; choose one of: "
                f"{', '.join(get_args(Activation))}"
            )
        self._check_skips()

    def _check_blocks(self) -> None:
        if self.blocks is None:
            return
        if self.branches is not None:
            raise InputError("branches and blocks both describe the convolutions; give one of them")
        if len(self.blocks) != len(self.widths) + 1:
            raise InputError(
                f"blocks must describe each of the {len(self.widths) + 1} convolutions, not "
                f"{len(self.blocks)}"
            )
        for branches in self.blocks:
            if branches is not None:
                _check_branches(branches)

    def _check_skips(self) -> None:
        for first, second in self.skips:
            if not 0 <= first < second < len(self.widths):
                raise InputError(
                    f"skip ({first}, {second}) must join two of the modules 0 … "
                    f"{len(self.widths) - 1} in order"
                )
            if self.widths[first] != self.widths[second]:
                raise InputError(
                    f"skip ({first}, {second}) joins {self.widths[first]} and "
                    f"{self.widths[second]} channels; they must be equal"
                )
        if len(set(self.skips)) < len(self.skips):
            raise InputError(f"skips {self.skips} name a pair twice; name each once")

    @property
    def enlarges(self) -> bool:
        """Whether the output is ``scale`` times larger than the input."""
        return self.task in (Task.SUPER_RESOLUTION, Task.BURST_ZOOM)

    def fused(self) -> EnhanceNetConfig:
        """Config of the fused network: the same with plain convolutions."""
        return replace(self, branches=None, blocks=None, norm=False)

    def partly_fused(self, blocks: tuple[tuple[BranchConfig, ...] | None, ...]) -> EnhanceNetConfig:
        """Config of the network with these branches in its convolutions, in order."""
        return replace(self, branches=None, blocks=blocks)

    def block_branches(self, index: int) -> tuple[BranchConfig, ...] | None:
        """Branches of convolution ``index``, conv2 the last; ``None`` for a plain one.

        Where the channels change, a 1×1 projection stands in for an identity, as in residual nets.
        """
        if self.blocks is not None:
            return self.blocks[index]
        before, after = self.block_channels(index)
        if self.branches is None or before == after:
            return self.branches
        return tuple(
            ConvBranchConfig((1,), (), branch.batch_norm)
            if isinstance(branch, IdentityBranchConfig)
            else branch
            for branch in self.branches
        )

    def block_channels(self, index: int) -> tuple[int, int]:
        """Channels into and out of convolution ``index``, conv2 the last."""
        channels = self.color.channels
        before = burst_channels(self.scale) if self.task is Task.BURST_ZOOM else channels
        sides = (before, *self.widths, channels * (self.scale**2 if self.enlarges else 1))
        return (sides[index], sides[index + 1])


def _check_branches(branches: tuple[BranchConfig, ...]) -> None:
    if len(branches) < 2 or common_kernel(branches) != (KERNEL_PX, KERNEL_PX):
        sizes = ", ".join("{}×{}".format(*branch.kernel) for branch in branches)
        raise InputError(
            f"branches of sizes {sizes or 'none'} do not merge into {KERNEL_PX}×"
            f"{KERNEL_PX}; give two or more, the largest of size {KERNEL_PX}"
        )
