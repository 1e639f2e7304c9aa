"""EnhanceNet: the plain image-to-image network of specification 1, "The image model".

conv1 → activation → P × (module → activation) → conv2, with feature skips between modules, an
image-space skip around the whole, and a head by task. Every module is a multi-branch block while
training, conv1 and conv2 too unless the config makes them plain, and all are once fused.

======================  =========================================  ===============================
task                    head                                       image-space skip
======================  =========================================  ===============================
super-resolution ×s     PixelShuffle(s) after conv2                nearest enlargement of the input
down-scaling ÷s         average pooling (s×s) before conv2         the input, averaged over s×s
denoising, restoration  none; PixelShuffle(2) with stride 2        the input
burst zoom ×s           PixelShuffle(s) after conv2                the input's merged colors
======================  =========================================  ===============================

The down-sampling layer is average pooling because Core ML, TFLite and XNNPACK all have it as one
delegated operator, with no permutation of a 6-dimensional tensor, which PixelUnshuffle becomes. No
activation stands between it and conv2, so both orders are linear; pooling first makes the two one
low-pass filter over ks×ks pixels, k the side of conv2, at 1/s² of its cost. The merged form would
cost s² times as much, so fusing leaves the pooling where it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.models.architecture import ARCHITECTURES, Architecture
from edge_sdk.models.enhance_config import Activation, EnhanceNetConfig
from edge_sdk.models.luma_weights import is_luma_of, spread_over_channels
from edge_sdk.models.network import Network, PictureNetwork
from edge_sdk.models.spec import Color, PictureSpec, Task
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.initialization import SMALL, add_identity

__all__ = ["Activation", "EnhanceNet", "EnhanceNetConfig"]

LEAKY_SLOPE = 0.1
PRELU_START = 0.1


class EnhanceNet(PictureNetwork):
    """Network of convolutions and activations for five tasks; see :class:`EnhanceNetConfig`.

    The output is not clipped: a caller that shows it clamps to [0, 1].
    :func:`~edge_sdk.models.enhance_picture` applies it to pictures of any size and color.

    Example:
        >>> import torch
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig
        >>> network = EnhanceNet(EnhanceNetConfig(scale=2)).eval()
        >>> network(torch.rand(1, 1, 24, 32)).shape
        torch.Size([1, 1, 48, 64])
        >>> network.spec.halo_px, network.has_branches
        (6, True)
    """

    def __init__(self, config: EnhanceNetConfig) -> None:
        super().__init__()
        self._config = config
        self.features = nn.ModuleList(_block(index, config) for index in range(len(config.widths)))
        self.activations = nn.ModuleList(_activation(config.activation, w) for w in config.widths)
        self.reconstruct = _block(len(config.widths), config)
        if config.starts_at_image_skip:
            _shrink(self.reconstruct)

    @property
    def config(self) -> EnhanceNetConfig:
        """Config that builds this network as it stands, be it fused wholly, in part or not."""
        blocks = tuple(
            block.configs if isinstance(block, MultiBranchConv2d) else None
            for block in (*self.features, self.reconstruct)
        )
        if not any(blocks):
            return self._config.fused()
        if blocks == tuple(self._config.block_branches(index) for index in range(len(blocks))):
            return self._config
        return self._config.partly_fused(blocks)

    @property
    def ends(self) -> tuple[nn.Module, nn.Module]:
        """conv1 and conv2, which plans of partial fusion do not count."""
        return (self.features[0], self.reconstruct)

    @property
    def spec(self) -> PictureSpec:
        """What a caller must know to feed this network.

        The halo is the receptive field's reach: conv1's, and of the modules and conv2 the sum in
        pixels of their own, which are ``stride`` input pixels wide, conv2's ``reduction``.
        """
        config = self._config
        reduction = config.scale if config.task is Task.DOWN_SCALING else 1
        first, *reaches, last = (config.kernel(k) // 2 for k in range(len(config.widths) + 1))
        halo = first + config.stride * sum(reaches) + max(config.stride, reduction) * last
        return PictureSpec(
            architecture=config.architecture,
            task=config.task,
            scale=config.scale if config.enlarges else 1,
            color=config.color,
            size_multiple=max(config.stride, reduction),
            halo_px=halo,
            reduction=reduction,
        )

    def weights_from(self, source: Network) -> dict[str, Tensor]:
        """Tensors of another network; the ends of a luma network spread over three channels."""
        found = super().weights_from(source)
        if isinstance(source, EnhanceNet) and is_luma_of(source.spec, self.spec):
            shapes = {name: tensor.shape for name, tensor in self.state_dict().items()}
            return spread_over_channels(found, shapes)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Enhance ``x``.

        Args:
            x: float [N, C, H, W] in [0, 1], C and its meaning by ``config.color``; for burst zoom
                what :class:`~edge_sdk.burst.stages.blend.Blend` returns. For down-scaling H and W
                are multiples of s; pixels beyond the last multiple get no output pixel of their
                own.

        Returns:
            Float, about [0, 1], not clipped: [N, C, s·H, s·W] for super-resolution and burst zoom
            (C = 3), [N, C, H/s, W/s] for down-scaling, [N, C, H, W] for denoising and restoration;
            s is ``config.scale``.
        """
        outputs: list[Tensor] = []
        current = x
        for block, activation in zip(self.features, self.activations, strict=True):
            current = activation(block(current))
            outputs.append(current)
            current = self._joined(outputs)
        if self._config.task is Task.DOWN_SCALING:
            current = functional.avg_pool2d(current, self._config.scale)
        result: Tensor = self.reconstruct(current)
        if not self._config.image_skip:
            return self._enlarged(result)
        if self._config.task is Task.DOWN_SCALING:
            return result + functional.avg_pool2d(x, self._config.scale)
        if self._config.task is Task.BURST_ZOOM:
            return self._enlarged(result + x[:, : result.shape[1]])
        if self._config.task is Task.SUPER_RESOLUTION and self._config.color is not Color.Y:
            return self._enlarged(result) + functional.interpolate(
                x, scale_factor=self._config.scale, mode="nearest"
            )
        if self._config.stride > 1:
            return self._enlarged(result) + x
        # One channel is broadcast to all of its sub-pixels, which enlarges it by nearest
        # neighbor too, before PixelShuffle and therefore at the small size.
        return self._enlarged(result + x)

    def _joined(self, outputs: list[Tensor]) -> Tensor:
        """What feeds the convolution behind the last of ``outputs``."""
        current, index = outputs[-1], len(outputs) - 1
        if beside := self._config.concatenated(index):
            return torch.cat((current, *(outputs[first] for first in beside)), 1)
        for first, second in self._config.skips:
            if second == index:
                current = current + outputs[first]
        return current

    def _enlarged(self, subpixels: Tensor) -> Tensor:
        if self._config.shuffle == 1:
            return subpixels
        return functional.pixel_shuffle(subpixels, self._config.shuffle)


def _block(index: int, config: EnhanceNetConfig) -> nn.Module:
    in_channels, out_channels = config.block_channels(index)
    branches = config.block_branches(index)
    if branches is not None:
        kind = config.initialization
        if kind == "near_identity" and in_channels != out_channels:
            kind = "auto"
        return MultiBranchConv2d(
            in_channels,
            out_channels,
            branches,
            collapsed=config.collapsed,
            norm=config.norm,
            initialization=kind,
        )
    side = config.kernel(index)
    stride = 1 if index else config.stride
    conv = nn.Conv2d(in_channels, out_channels, side, stride, padding=side // 2)
    passes_on = in_channels == out_channels and index < len(config.widths)
    if config.initialization == "near_identity" and passes_on:
        add_identity(conv, 1.0, rest=SMALL)
    return conv


@torch.no_grad()
def _shrink(block: nn.Module) -> None:
    if isinstance(block, MultiBranchConv2d):
        block.vanish()
        return
    for parameter in block.parameters():
        parameter.mul_(SMALL)


def _activation(kind: Activation, channels: int) -> nn.Module:
    if kind == "prelu":
        return nn.PReLU(channels, init=PRELU_START)
    return nn.ReLU() if kind == "relu" else nn.LeakyReLU(LEAKY_SLOPE)


ARCHITECTURES.register(EnhanceNetConfig.architecture, Architecture(EnhanceNet, EnhanceNetConfig))
