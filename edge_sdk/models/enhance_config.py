"""Description of an EnhanceNet: everything that is needed to rebuild it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
from edge_sdk.reparam.blocks.initialization import Initialization
from edge_sdk.reparam.blocks.presets import sesr_branches

Activation = Literal["prelu", "relu", "leaky_relu"]
Ends = Literal["branches", "plain"]
"""What the first and the last convolution are while training."""
Joining = Literal["add", "concatenate"]
"""How a skip joins the features that it leads to."""

DEFAULT_KERNEL = 3
SCALES = {
    Task.SUPER_RESOLUTION: (2, 3, 4),
    Task.DOWN_SCALING: (2, 3, 4),
    Task.DENOISING: (1,),
    Task.RESTORATION: (1,),
    Task.BURST_ZOOM: (2, 3, 4),
}
"""Ratios of sizes that each task knows."""
STRIDES = (1, 2)


@dataclass(frozen=True)
class EnhanceNetConfig:
    """Description of an EnhanceNet, complete enough to rebuild it.

    Attributes:
        scale: ratio of sizes in each direction, 2 to 4: output over input for super-resolution and
            burst zoom, input over output for down-scaling; 1 for denoising and restoration.
        color: what the channels mean.
        widths: channels after conv1 and after each of the P modules, P + 1 numbers.
        branches: branches of every block, two or more, which merge into one square kernel of odd
            side; ``None`` for plain convolutions (the fused form).
        activation: nonlinearity after conv1 and after every module.
        skips: pairs (i, j), i < j: the output of the i-th module joins that of the j-th, and both
            feed what follows; 0 stands for the initial features (after conv1).
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
        initialization: how the convolutions start, see
            :mod:`edge_sdk.reparam.blocks.initialization`. ``near_identity`` is for those that keep
            their channels, plain ones too; the others then start as ``plain``. With ``auto`` blocks
            are ``near_identity`` and plain convolutions ``plain``. Near the identity the network
            starts near its image skip: the last convolution is small too. Once trained, a network
            is the same however it started, so that equality leaves it out.
        kernels: side of the plain convolutions, odd, in pixels: one for all, or one for each
            convolution in order (conv1, the modules, conv2).
        ends: what conv1 and conv2 are while training: blocks like the modules, or ``plain``
            convolutions, as in the document.
        joining: whether a skip adds, which takes equal channels, or concatenates channels.
        stride: of conv1, a plain convolution then, where the output has the size of the input: with
            2 all between it and a PixelShuffle(2) behind conv2 runs on a quarter of the pixels,
            and reaches twice as far.

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
    initialization: Initialization = field(default="auto", compare=False)
    kernels: int | tuple[int, ...] = 3
    ends: Ends = "branches"
    joining: Joining = "add"
    stride: int = 1

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
        for name, choices in (
            ("activation", Activation),
            ("ends", Ends),
            ("joining", Joining),
            ("initialization", Initialization),
        ):
            if getattr(self, name) not in get_args(choices):
                raise InputError(
                    f"{name} '{getattr(self, name)}' is unknown; choose one of: "
                    f"{', '.join(get_args(choices))}"
                )
        self._check_blocks()
        self._check_kernels()
        self._check_skips()
        self._check_stride()

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

    def _check_kernels(self) -> None:
        count = len(self.widths) + 1
        sides = self.kernels if isinstance(self.kernels, tuple) else (self.kernels,) * count
        whole = all(type(side) is int for side in sides)
        if len(sides) != count or not whole or any(side < 1 or side % 2 == 0 for side in sides):
            raise InputError(
                f"kernels {self.kernels} must be one odd side, or one for each of the {count} "
                "convolutions"
            )
        if self.branches is None:
            if self.ends == "plain":
                raise InputError(
                    "ends are plain where branches are none or blocks describes each convolution; "
                    "leave ends out"
                )
        elif self.ends == "branches" and self.kernels != DEFAULT_KERNEL:
            raise InputError(
                f"kernels {self.kernels} are those of plain convolutions, and here all have "
                "branches; give the branches other kernels, or set ends: plain"
            )

    def _check_skips(self) -> None:
        for first, second in self.skips:
            if not 0 <= first < second < len(self.widths):
                raise InputError(
                    f"skip ({first}, {second}) must join two of the modules 0 … "
                    f"{len(self.widths) - 1} in order"
                )
            if self.joining == "add" and self.widths[first] != self.widths[second]:
                raise InputError(
                    f"skip ({first}, {second}) adds {self.widths[first]} and "
                    f"{self.widths[second]} channels; make them equal, or set joining: concatenate"
                )
        if len(set(self.skips)) < len(self.skips):
            raise InputError(f"skips {self.skips} name a pair twice; name each once")

    def _check_stride(self) -> None:
        if type(self.stride) is not int or self.stride not in STRIDES:
            raise InputError(f"stride {self.stride} is not supported; choose 1 or 2")
        if self.stride == 1:
            return
        if self.scale > 1:
            raise InputError(
                f"stride {self.stride} is for outputs of the size of the input, and {self.task} "
                f"changes it {self.scale} times; set stride: 1"
            )
        if self.block_branches(0) is not None:
            raise InputError(
                f"stride {self.stride} takes a plain conv1; set ends: plain, or stride: 1"
            )

    @property
    def shuffle(self) -> int:
        """Side of the square of pixels that PixelShuffle makes of each pixel of conv2."""
        return self.scale if self.enlarges else self.stride

    @property
    def enlarges(self) -> bool:
        """Whether the output is ``scale`` times larger than the input."""
        return self.task in (Task.SUPER_RESOLUTION, Task.BURST_ZOOM)

    @property
    def starts_at_image_skip(self) -> bool:
        """Whether the untrained network returns about what its image skip does.

        An identity of conv2, where that keeps its channels, comes on top.
        """
        count = len(self.widths) + 1
        branched = any(self.block_branches(index) is not None for index in range(count))
        kinds = ("near_identity", "auto") if branched else ("near_identity",)
        return self.image_skip and self.initialization in kinds

    def fused(self) -> EnhanceNetConfig:
        """Config of the fused network: the same with plain convolutions."""
        return self._deployed(None)

    def partly_fused(self, blocks: tuple[tuple[BranchConfig, ...] | None, ...]) -> EnhanceNetConfig:
        """Config of the network with these branches in its convolutions, in order."""
        return self._deployed(blocks)

    def _deployed(
        self, blocks: tuple[tuple[BranchConfig, ...] | None, ...] | None
    ) -> EnhanceNetConfig:
        sides = tuple(self.kernel(index) for index in range(len(self.widths) + 1))
        kernels = sides[0] if len(set(sides)) == 1 else sides
        return replace(
            self,
            branches=None,
            blocks=blocks,
            norm=self.norm and blocks is not None,
            kernels=kernels,
            ends="branches",
            initialization="auto",
        )

    def kernel(self, index: int) -> int:
        """Side of the kernel of convolution ``index``, merged or plain, conv2 the last."""
        branches = self.block_branches(index)
        if branches is not None:
            return max(common_kernel(branches))
        return self.kernels[index] if isinstance(self.kernels, tuple) else self.kernels

    def block_branches(self, index: int) -> tuple[BranchConfig, ...] | None:
        """Branches of convolution ``index``, conv2 the last; ``None`` for a plain one.

        Where the channels change, a 1×1 projection stands in for an identity, as in residual nets.
        """
        if self.blocks is not None:
            return self.blocks[index]
        if self.ends == "plain" and index in (0, len(self.widths)):
            return None
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
        sides = (before, *self.widths, channels * self.shuffle**2)
        joined = sum(self.widths[first] for first in self.concatenated(index - 1))
        return (sides[index] + joined, sides[index + 1])

    def concatenated(self, index: int) -> tuple[int, ...]:
        """Modules whose outputs stand beside that of module ``index``, in this order behind it."""
        if self.joining == "add":
            return ()
        return tuple(first for first, second in self.skips if second == index)


def _check_branches(branches: tuple[BranchConfig, ...]) -> None:
    if len(branches) < 2:
        raise InputError(
            f"a block needs two branches or more, not {len(branches)}; for plain convolutions set "
            "branches: null, and kernels"
        )
    height, width = common_kernel(branches)
    if height != width or height % 2 == 0:
        sizes = ", ".join("{}×{}".format(*branch.kernel) for branch in branches)
        raise InputError(
            f"branches of sizes {sizes} do not merge into a square kernel of odd side; let the "
            "largest be 3×3, 5×5 or so"
        )
