"""RecognitionNet: from a picture to scores of classes, by pre-activation residual blocks.

One convolution, then stages of blocks x → F(x) + S(x), then BatchNorm → ReLU → mean → linear, with

    F = C ∘ ReLU ∘ BN₃ ∘ B ∘ ReLU ∘ BN₂ ∘ A ∘ ReLU ∘ BN₁,

A and C of 1×1 and B of 3×3, which reduces the picture; S is BatchNorm → 1×1 convolution of the
block's stride, with a BatchNorm of its own, in the first block of a stage, and x itself in the
others. What the document says is kernels, strides, the order of BatchNorm and convolution, and S of
the first block (claims 1 to 5); ReLU, the other S, head and sizes are this package's choice.

Fusing counts on scales of BatchNorms above 0: ReLU(γ·x + β) = γ·ReLU(x + β/γ) lets γ go into the
convolution that follows. :func:`keep_scales_positive` sees to it after every step of a training.
It is a projection and no change of variables (a softplus of a free parameter) so that network, file
and regularizer know one γ, that of an ordinary ``nn.BatchNorm2d``; an average of such weights is
above 0 too, since it is convex.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.models.architecture import ARCHITECTURES, Architecture
from edge_sdk.models.network import Network
from edge_sdk.models.recognition_config import RecognitionNetConfig
from edge_sdk.models.spec import RecognitionSpec

__all__ = ["LEAST_SCALE", "RecognitionNet", "RecognitionNetConfig", "keep_scales_positive"]

LEAST_SCALE = 1e-3
"""Least scale γ of a BatchNorm: far below any that matters, far above float32's rounding."""


class ResidualBlock(nn.Module):
    """One block, of ``width_in`` channels to ``width``; see the equation of this module.

    Args:
        width_in: channels of what it takes.
        width: channels of what it returns.
        inner: channels between A and C.
        kernels: sides of A, B and C.
        strides: of A, B and C.
        projects: whether the residual branch is BatchNorm → convolution, which a block needs that
            reduces the picture or changes the channels; else it is the identity.
        merged: without BatchNorms, whose part convolutions with biases have taken.
    """

    def __init__(
        self,
        width_in: int,
        width: int,
        inner: int,
        kernels: tuple[int, int, int],
        strides: tuple[int, int, int],
        *,
        projects: bool,
        merged: bool = False,
    ) -> None:
        super().__init__()
        self.norm_a = _norm(width_in, merged)
        self.a = _conv(width_in, inner, kernels[0], strides[0], merged)
        self.norm_b = _norm(inner, merged)
        self.b = _conv(inner, inner, kernels[1], strides[1], merged)
        self.norm_c = _norm(inner, merged)
        self.c = _conv(inner, width, kernels[2], strides[2], merged)
        stride = strides[0] * strides[1] * strides[2]
        self.residual = (
            nn.Sequential(_norm(width_in, merged), _conv(width_in, width, 1, stride, merged))
            if projects
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Float32 [N, width_in, H, W] to [N, width, ⌈H/s⌉, ⌈W/s⌉], s the product of strides."""
        found = self.a(functional.relu(self.norm_a(x)))
        found = self.b(functional.relu(self.norm_b(found)))
        found = self.c(functional.relu(self.norm_c(found)))
        added: Tensor = found + self.residual(x)
        return added


class RecognitionNet(Network):
    """Scores of classes for pictures of any size; see the equations of this module.

    Args:
        config: sizes and classes.

    Attributes:
        first: the convolution before the blocks.
        stages: the blocks of each stage.
        norm: the BatchNorm behind the last block.
        head: the linear layer of the classes.

    Example:
        >>> import torch
        >>> from edge_sdk.models import RecognitionNet, recognition_preset
        >>> network = RecognitionNet(recognition_preset("tiny", ["disk", "square"])).eval()
        >>> network(torch.rand(5, 3, 32, 40)).shape, network.spec.classes
        (torch.Size([5, 2]), ('disk', 'square'))
    """

    def __init__(self, config: RecognitionNetConfig) -> None:
        super().__init__()
        self._config = config
        self.first = _conv(
            config.channels,
            config.first_width,
            config.first_kernel,
            config.first_stride,
            config.merged,
        )
        befores = (config.first_width, *config.widths)
        self.stages = nn.ModuleList(
            _stage(before, width, count, config)
            for before, width, count in zip(befores, config.widths, config.blocks, strict=False)
        )
        self.norm = _norm(config.widths[-1], config.merged)
        self.head = nn.Linear(config.widths[-1], len(config.classes))

    @property
    def config(self) -> RecognitionNetConfig:
        """Config that builds this network."""
        return self._config

    @property
    def spec(self) -> RecognitionSpec:
        """What a caller must know to feed this network."""
        config = self._config
        return RecognitionSpec(
            architecture=config.architecture,
            classes=config.classes,
            preview_px=config.preview_px,
            normalization=config.normalization,
            input_channels=config.channels,
            task=config.task,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Score classes.

        Args:
            x: float32 [N, C, H, W], sRGB in [0, 1], through the spec's normalization if it has one.

        Returns:
            Float32 [N, K], logits: their softmax is how likely each class is.
        """
        current = self.first(x)
        for stage in self.stages:
            current = stage(current)
        features = functional.relu(self.norm(current)).mean((2, 3))
        scores: Tensor = self.head(features)
        return scores


@torch.no_grad()
def keep_scales_positive(network: nn.Module, least: float = LEAST_SCALE) -> None:
    """Raise every scale γ of a BatchNorm that is below ``least`` to it, in place.

    Args:
        network: anything with BatchNorms.
        least: above 0.

    Example:
        >>> from torch import nn
        >>> from edge_sdk.models.recognition_net import keep_scales_positive
        >>> norm = nn.BatchNorm2d(2)
        >>> _ = nn.init.constant_(norm.weight, -1.0)
        >>> keep_scales_positive(norm, 0.5)
        >>> norm.weight.tolist()
        [0.5, 0.5]
    """
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d) and part.affine:
            part.weight.clamp_(min=least)


def _stage(before: int, width: int, count: int, config: RecognitionNetConfig) -> nn.Sequential:
    inner = width // config.bottleneck
    kernels, merged = config.kernels, config.merged
    first = ResidualBlock(
        before, width, inner, kernels, config.strides, projects=True, merged=merged
    )
    others = (
        ResidualBlock(width, width, inner, kernels, (1, 1, 1), projects=False, merged=merged)
        for _ in range(count - 1)
    )
    return nn.Sequential(first, *others)


def _norm(width: int, merged: bool) -> nn.Module:
    return nn.Identity() if merged else nn.BatchNorm2d(width)


def _conv(before: int, after: int, side: int, stride: int, merged: bool) -> nn.Conv2d:
    # Without a bias: a BatchNorm follows, behind the sum where there is one.
    conv = nn.Conv2d(before, after, side, stride, side // 2, bias=merged)
    if not conv.weight.is_meta:
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv


ARCHITECTURES.register(
    RecognitionNetConfig.architecture, Architecture(RecognitionNet, RecognitionNetConfig)
)
