"""Networks as strangers publish them: torchvision's, timm's and Kaggle's manners, nothing of ours.

Every one takes N×3×H×W in [0, 1]. Weights are drawn, statistics too (see ``seeded``).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _make_divisible(v: float, divisor: int = 8) -> int:
    new_v = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return new_v + divisor if new_v < 0.9 * v else new_v


class ConvBNReLU(nn.Sequential):
    def __init__(self, in_planes, out_planes, kernel_size=3, stride=1, groups=1, act=nn.ReLU6):
        padding = (kernel_size - 1) // 2
        super().__init__(
            nn.Conv2d(
                in_planes, out_planes, kernel_size, stride, padding, groups=groups, bias=False
            ),
            nn.BatchNorm2d(out_planes),
            act(inplace=True) if act is not None else nn.Identity(),
        )


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _make_divisible(channels // 4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.scale_activation = nn.Hardsigmoid(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        scale = F.relu(self.fc1(self.avgpool(x)), inplace=True)
        return self.scale_activation(self.fc2(scale)) * x


class InvertedResidual(nn.Module):
    def __init__(self, inp, oup, stride, expand_ratio, kernel=3, use_se=False, act=nn.ReLU6):
        super().__init__()
        hidden_dim = round(inp * expand_ratio)
        self.use_res_connect = stride == 1 and inp == oup
        layers: list[nn.Module] = []
        if expand_ratio != 1:
            layers.append(ConvBNReLU(inp, hidden_dim, kernel_size=1, act=act))
        layers.append(ConvBNReLU(hidden_dim, hidden_dim, kernel, stride, hidden_dim, act))
        if use_se:
            layers.append(SqueezeExcite(hidden_dim))
        layers.append(ConvBNReLU(hidden_dim, oup, kernel_size=1, act=None))
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2Like(nn.Module):
    """ReLU6, a global mean written as ``mean``, dropout, softmax in the graph."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBNReLU(3, 16, stride=2),
            InvertedResidual(16, 8, 1, 1),
            InvertedResidual(8, 16, 2, 6),
            InvertedResidual(16, 16, 1, 6),
            InvertedResidual(16, 24, 2, 6),
            ConvBNReLU(24, 64, kernel_size=1),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features((x - 0.5) / 0.25)
        return torch.softmax(self.classifier(x.mean([2, 3])), dim=-1)


class MobileNetV3Like(nn.Module):
    """Hardswish, squeeze-and-excitation, 5×5 depthwise kernels, logits."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        hs, relu = nn.Hardswish, nn.ReLU
        self.features = nn.Sequential(
            ConvBNReLU(3, 16, stride=2, act=hs),
            InvertedResidual(16, 16, 2, 1, use_se=True, act=relu),
            InvertedResidual(16, 24, 2, 4, kernel=5, use_se=True, act=hs),
            InvertedResidual(24, 24, 1, 3, kernel=5, use_se=True, act=hs),
            ConvBNReLU(24, 72, kernel_size=1, act=hs),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(72, 96), nn.Hardswish(inplace=True), nn.Linear(96, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class DoubleConv(nn.Module):
    """(convolution => [BN] => ReLU) * 2."""

    def __init__(self, in_channels, out_channels, mid_channels=None):
        super().__init__()
        mid_channels = mid_channels or out_channels
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, mid_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                nn.Conv2d(in_channels, in_channels // 2, 1),
            )
        else:
            self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
        self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x1, x2):
        x1 = self.up(x1)
        diff_y = x2.size()[2] - x1.size()[2]
        diff_x = x2.size()[3] - x1.size()[3]
        x1 = F.pad(x1, [diff_x // 2, diff_x - diff_x // 2, diff_y // 2, diff_y - diff_y // 2])
        return self.conv(torch.cat([x2, x1], dim=1))


class UNetLike(nn.Module):
    """Max pooling down, transposed convolutions (or bilinear) up, padding to odd sizes, concats."""

    def __init__(self, n_classes: int = 3, bilinear: bool = False) -> None:
        super().__init__()
        self.inc = DoubleConv(3, 8)
        self.down1 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(8, 16))
        self.down2 = nn.Sequential(nn.MaxPool2d(2), DoubleConv(16, 32))
        self.up1, self.up2 = Up(32, 16, bilinear), Up(16, 8, bilinear)
        self.outc = nn.Conv2d(8, n_classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x = self.up1(self.down2(x2), x2)
        return torch.sigmoid(self.outc(self.up2(x, x1)))


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNetLike(nn.Module):
    """7×7 stem, strided blocks, max-pool, pooling to 2×2, a flatten that sees NCHW order."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(16, 16), BasicBlock(16, 16))
        self.layer2 = nn.Sequential(BasicBlock(16, 24, 2), BasicBlock(24, 24))
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.fc = nn.Linear(24 * 4, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.avgpool(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(x, 1))


class ShuffleUnit(nn.Module):
    """ShuffleNetV2's unit: channel split, depthwise branch, shuffle by views."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch2 = nn.Sequential(
            ConvBNReLU(half, half, 1, act=nn.ReLU),
            ConvBNReLU(half, half, 3, groups=half, act=None),
            ConvBNReLU(half, half, 1, act=nn.ReLU),
        )

    def forward(self, x):
        x1, x2 = x.chunk(2, dim=1)
        out = torch.cat((x1, self.branch2(x2)), dim=1)
        batchsize, channels, height, width = out.size()
        out = out.view(batchsize, 2, channels // 2, height, width)
        return torch.transpose(out, 1, 2).contiguous().view(batchsize, -1, height, width)


class ShuffleRestorer(nn.Module):
    """Image to image: shuffle units, GELU, instance norm, an ESPCN head by 6-D views."""

    def __init__(self, r: int = 2) -> None:
        super().__init__()
        self.r = r
        self.head = nn.Conv2d(3, 16, 3, padding=1, padding_mode="reflect")
        self.norm = nn.InstanceNorm2d(16, affine=True)
        self.body = nn.Sequential(ShuffleUnit(16), ShuffleUnit(16))
        self.tail = nn.Conv2d(16, 3 * r * r, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.tail(self.body(F.gelu(self.norm(self.head(x)))))
        b, c, h, w = y.shape
        r = self.r
        y = y.reshape(b, c // (r * r), r, r, h, w).permute(0, 1, 4, 2, 5, 3)
        y = y.reshape(b, c // (r * r), h * r, w * r)
        return y + F.interpolate(x, scale_factor=r, mode="bilinear", align_corners=False)


def spread(model: nn.Module) -> nn.Module:
    """Draw kernels as He et al. do; linear layers keep PyTorch's own start."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0, math.sqrt(2 / fan_in), generator=generator)
    return model
