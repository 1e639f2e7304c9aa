"""Networks that the conversion tests share, with weights drawn from a fixed seed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class EnhanceLike(nn.Module):
    """Luma ×2: five 3×3 convs with PReLU, a feature skip, a picture skip, PixelShuffle."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.PReLU(16))
        self.body = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.PReLU(16)) for _ in range(4))
        )
        self.tail = nn.Conv2d(16, 4 * outputs, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        first = self.head(x)
        return self.shuffle(self.tail(self.body(first) + first) + x)


class DepthwiseClassifier(nn.Module):
    """MobileNet's shape: depthwise and pointwise convs, BN, ReLU6, mean, linear, softmax."""

    def __init__(self) -> None:
        super().__init__()

        def block(channels: int, outputs: int, stride: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU6(inplace=True),
                nn.Conv2d(channels, outputs, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU6(inplace=True),
            )

        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.blocks = nn.Sequential(block(8, 16, 1), block(16, 24, 2), block(24, 24, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classify = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 10), nn.Softmax(dim=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


class UNet(nn.Module):
    """Two levels down by max pooling, two up by transposed convs, skips by concatenation."""

    def __init__(self) -> None:
        super().__init__()

        def double(inputs: int, outputs: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.Conv2d(outputs, outputs, 3, padding=1),
                nn.LeakyReLU(0.1),
            )

        self.down1, self.down2, self.bottom = double(3, 8), double(8, 16), double(16, 32)
        self.up2 = nn.ConvTranspose2d(32, 16, 2, 2)
        self.up1 = nn.ConvTranspose2d(16, 8, 4, 2, 1)
        self.join2, self.join1 = double(32, 16), double(16, 8)
        self.pool, self.out = nn.MaxPool2d(2), nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.down1(x)
        two = self.down2(self.pool(one))
        low = self.bottom(self.pool(two))
        two = self.join2(torch.cat([self.up2(low), two], dim=1))
        one = self.join1(torch.cat([self.up1(two), one], dim=1))
        return torch.sigmoid(self.out(one))


class ResNet(nn.Module):
    """Residual blocks with BN, a strided shortcut, and a head on the mean."""

    def __init__(self) -> None:
        super().__init__()

        def conv_bn(inputs: int, outputs: int, size: int, stride: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
                nn.BatchNorm2d(outputs),
            )

        self.stem = nn.Sequential(conv_bn(3, 8, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.same = nn.Sequential(conv_bn(8, 8, 3, 1), nn.ReLU(), conv_bn(8, 8, 3, 1))
        self.smaller = nn.Sequential(conv_bn(8, 16, 3, 2), nn.ReLU(), conv_bn(16, 16, 3, 1))
        self.shortcut = conv_bn(8, 16, 1, 2)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = torch.relu(self.same(x) + x)
        x = torch.relu(self.smaller(x) + self.shortcut(x))
        return self.head(x.mean(dim=(2, 3)))


def seeded(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Build a net with its own seed; BN statistics and PReLU slopes are drawn too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
                module.running_var.uniform_(0.5, 1.5, generator=generator)
                module.running_mean.uniform_(-0.3, 0.3, generator=generator)
                if module.affine:
                    module.weight.uniform_(0.5, 1.5, generator=generator)
                    module.bias.uniform_(-0.3, 0.3, generator=generator)
            elif isinstance(module, nn.PReLU):
                module.weight.uniform_(-0.2, 0.4, generator=generator)
    return model


def picture(*shape: int, seed: int = 1) -> Tensor:
    """Uniform noise in [0, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))
