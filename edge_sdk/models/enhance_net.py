"""EnhanceNet: the plain image-to-image network of specification 1, "The image model".

conv1 → activation → P × (module → activation) → conv2 → PixelShuffle, with feature skips between
modules and an image-space skip around the whole. Every convolution is a multi-branch block while
training and one plain convolution once fused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.models.spec import Colour, ModelSpec, Task
from edge_sdk.reparam.block import MultiBranchConv2d, sesr_branches
from edge_sdk.reparam.branches import BranchConfig, ConvBranchConfig, IdentityBranchConfig

Activation = Literal["prelu", "relu", "leaky_relu"]

KERNEL_PX = 3
LEAKY_SLOPE = 0.1
PRELU_START = 0.1


@dataclass(frozen=True)
class EnhanceNetConfig:
    """Description of an EnhanceNet, complete enough to build it anew.

    Attributes:
        scale: enlargement of height and width, 2 to 4.
        colour: what the channels mean.
        widths: channels after conv1 and after each of the P modules, P + 1 numbers.
        branches: branches of every block, two or more, the largest of size 3; ``None`` for plain
            3×3 convolutions (the fused form).
        activation: nonlinearity after conv1 and after every module.
        skips: pairs (i, j), i < j: the output of the i-th module is added to that of the j-th and
            the sum feeds what follows; 0 stands for the initial features (after conv1).
        image_skip: add the input, enlarged by nearest neighbour, to the output.
        collapsed: train on the merged kernel (one convolution per block and step).
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    scale: int = 2
    colour: Colour = Colour.Y
    widths: tuple[int, ...] = (16, 16, 16, 16, 16)
    branches: tuple[BranchConfig, ...] | None = sesr_branches(64)
    activation: Activation = "prelu"
    skips: tuple[tuple[int, int], ...] = ((0, 4),)
    image_skip: bool = True
    collapsed: bool = True
    architecture: Literal["enhance_net"] = "enhance_net"

    def __post_init__(self) -> None:
        if not 2 <= self.scale <= 4:
            raise InputError(f"scale {self.scale} is not supported; choose 2, 3 or 4")
        if not self.widths or any(width < 1 for width in self.widths):
            raise InputError(f"widths {self.widths} must be positive, at least one")
        if self.branches is not None:
            sizes = [branch.size for branch in self.branches]
            if len(sizes) < 2 or max(sizes) != KERNEL_PX:
                raise InputError(
                    f"branches of sizes {sizes} do not merge into {KERNEL_PX}×{KERNEL_PX}; give "
                    f"two or more, the largest of size {KERNEL_PX}"
                )
        if self.activation not in get_args(Activation):
            raise InputError(
                f"activation '{self.activation}' is unknown; choose one of: "
                f"{', '.join(get_args(Activation))}"
            )
        if not isinstance(self.colour, Colour):
            raise InputError(f"colour {self.colour!r} is no Colour; give Colour.Y or Colour.RGB")
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

    def fused(self) -> EnhanceNetConfig:
        """Config of the fused network: the same with plain convolutions."""
        return replace(self, branches=None)


class EnhanceNet(nn.Module):
    """Super-resolution network of 3×3 convolutions; see :class:`EnhanceNetConfig`.

    The output is not clipped: a caller that shows it clamps to [0, 1].
    """

    def __init__(self, config: EnhanceNetConfig) -> None:
        super().__init__()
        self._config = config
        channels = config.colour.channels
        widths = config.widths
        inputs = (channels, *widths[:-1])
        self.features = nn.ModuleList(
            _block(before, after, config) for before, after in zip(inputs, widths, strict=True)
        )
        self.activations = nn.ModuleList(_activation(config.activation, w) for w in widths)
        self.reconstruct = _block(widths[-1], channels * config.scale**2, config)

    @property
    def config(self) -> EnhanceNetConfig:
        """Config that builds this network as it stands: fused once its blocks are plain."""
        return self._config if self.has_branches else self._config.fused()

    @property
    def has_branches(self) -> bool:
        """Whether any convolution is still a multi-branch block."""
        return any(isinstance(module, MultiBranchConv2d) for module in self.modules())

    @property
    def spec(self) -> ModelSpec:
        """What a caller must know to feed this network."""
        halo = sum(_reach(block) for block in (*self.features, self.reconstruct))
        return ModelSpec(
            architecture="enhance_net",
            task=Task.SUPER_RESOLUTION,
            scale=self.config.scale,
            colour=self.config.colour,
            size_multiple=1,
            halo_px=halo,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge ``x``.

        Args:
            x: float [N, C, H, W] in [0, 1], C and its meaning by ``config.colour``.

        Returns:
            Float [N, C, scale·H, scale·W], about [0, 1], not clipped.
        """
        outputs: list[Tensor] = []
        current = x
        for index, (block, activation) in enumerate(
            zip(self.features, self.activations, strict=True)
        ):
            current = activation(block(current))
            outputs.append(current)
            for first, second in self.config.skips:
                if second == index:
                    current = current + outputs[first]
        subpixels: Tensor = self.reconstruct(current)
        if self.config.image_skip:
            subpixels = subpixels + self._repeated(x)
        return functional.pixel_shuffle(subpixels, self.config.scale)

    def _repeated(self, x: Tensor) -> Tensor:
        # Channel c of the input stands in all scale² sub-pixels of c: nearest-neighbour
        # enlargement after PixelShuffle. One channel is left to broadcasting.
        if self.config.colour is Colour.Y:
            return x
        return x.repeat_interleave(self.config.scale**2, dim=1)


def _block(in_channels: int, out_channels: int, config: EnhanceNetConfig) -> nn.Module:
    if config.branches is None:
        return nn.Conv2d(in_channels, out_channels, KERNEL_PX, padding=KERNEL_PX // 2)
    # Where the channels change, a 1×1 projection stands in for the identity, as in residual nets.
    branches = tuple(
        ConvBranchConfig((1,), (), branch.batch_norm)
        if isinstance(branch, IdentityBranchConfig) and in_channels != out_channels
        else branch
        for branch in config.branches
    )
    return MultiBranchConv2d(in_channels, out_channels, branches, collapsed=config.collapsed)


def _activation(kind: Activation, channels: int) -> nn.Module:
    if kind == "prelu":
        return nn.PReLU(channels, init=PRELU_START)
    return nn.ReLU() if kind == "relu" else nn.LeakyReLU(LEAKY_SLOPE)


def _reach(block: nn.Module) -> int:
    if isinstance(block, MultiBranchConv2d):
        return block.size // 2
    assert isinstance(block, nn.Conv2d)
    return block.kernel_size[0] // 2
