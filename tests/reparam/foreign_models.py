"""Networks as other projects write them: their layers, their border tricks, their branch order."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def trained_looking(model: nn.Module) -> nn.Module:
    """Give BatchNorms statistics and biases values such as training leaves; returns the model."""
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean.normal_(0, 0.5)
            part.running_var.uniform_(0.2, 3)
            if part.affine:
                nn.init.normal_(part.weight, 1, 0.3)
                nn.init.normal_(part.bias, 0, 0.5)
    return model.eval()


def conv_bn(c_in: int, c_out: int, kernel: int, stride=1, padding=0, groups=1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(c_out),
    )


class RepVGGBlock(nn.Module):
    """3×3 + 1×1 + identity, a BatchNorm each, ReLU."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.nonlinearity = nn.ReLU()
        same = c_in == c_out and stride == 1
        self.rbr_identity = nn.BatchNorm2d(c_in) if same else None
        self.rbr_dense = conv_bn(c_in, c_out, 3, stride, 1, groups)
        self.rbr_1x1 = conv_bn(c_in, c_out, 1, stride, 0, groups)

    def forward(self, inputs):
        id_out = 0 if self.rbr_identity is None else self.rbr_identity(inputs)
        return self.nonlinearity(self.rbr_dense(inputs) + self.rbr_1x1(inputs) + id_out)


class MobileOneBlock(nn.Module):
    """k over-parameterized 3×3 branches, a 1×1 scale branch, a skip BatchNorm."""

    def __init__(self, c_in: int, c_out: int, kernel: int, groups: int, branches: int) -> None:
        super().__init__()
        self.rbr_skip = nn.BatchNorm2d(c_in) if c_in == c_out else None
        self.rbr_conv = nn.ModuleList(
            conv_bn(c_in, c_out, kernel, 1, kernel // 2, groups) for _ in range(branches)
        )
        self.rbr_scale = conv_bn(c_in, c_out, 1, 1, 0, groups) if kernel > 1 else None
        self.activation = nn.ReLU()

    def forward(self, x):
        identity_out = 0 if self.rbr_skip is None else self.rbr_skip(x)
        scale_out = 0 if self.rbr_scale is None else self.rbr_scale(x)
        out = scale_out + identity_out
        for branch in self.rbr_conv:
            out += branch(x)
        return self.activation(out)


class BNAndPadLayer(nn.Module):
    """DBB's BatchNorm followed by padding with what it makes of zero."""

    def __init__(self, pad_pixels: int, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.pad_pixels = pad_pixels

    def forward(self, x):
        output = self.bn(x)
        if self.pad_pixels > 0:
            pad_values = self.bn.bias.detach() - (
                self.bn.running_mean
                * self.bn.weight.detach()
                / torch.sqrt(self.bn.running_var + self.bn.eps)
            )
            output = functional.pad(output, [self.pad_pixels] * 4)
            pad_values = pad_values.view(1, -1, 1, 1)
            output[:, :, 0 : self.pad_pixels, :] = pad_values
            output[:, :, -self.pad_pixels :, :] = pad_values
            output[:, :, :, 0 : self.pad_pixels] = pad_values
            output[:, :, :, -self.pad_pixels :] = pad_values
        return output


class IdentityBasedConv1x1(nn.Conv2d):
    """DBB's 1×1 kernel that is trained as a difference to the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 1, bias=False)
        nn.init.zeros_(self.weight)
        self.register_buffer("id_tensor", torch.eye(channels)[:, :, None, None])
        nn.init.normal_(self.weight, 0, 0.1)

    def forward(self, x):
        return functional.conv2d(x, self.weight + self.id_tensor, None, stride=1, padding=0)


class DiverseBranchBlock(nn.Module):
    """3×3 + 1×1 + (1×1 → average) + (1×1 → 3×3), padding behind the inner BatchNorms."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.dbb_origin = conv_bn(channels, out, 3, 1, 1)
        self.dbb_avg = nn.Sequential()
        self.dbb_avg.add_module("conv", nn.Conv2d(channels, out, 1, bias=False))
        self.dbb_avg.add_module("bn", BNAndPadLayer(1, out))
        self.dbb_avg.add_module("avg", nn.AvgPool2d(3, 1, 0))
        self.dbb_avg.add_module("avgbn", nn.BatchNorm2d(out))
        self.dbb_1x1 = conv_bn(channels, out, 1)
        self.dbb_1x1_kxk = nn.Sequential()
        self.dbb_1x1_kxk.add_module("idconv1", IdentityBasedConv1x1(channels))
        self.dbb_1x1_kxk.add_module("bn1", BNAndPadLayer(1, channels))
        self.dbb_1x1_kxk.add_module("conv2", nn.Conv2d(channels, out, 3, bias=False))
        self.dbb_1x1_kxk.add_module("bn2", nn.BatchNorm2d(out))
        self.nonlinear = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.dbb_origin(x)
        out += self.dbb_1x1(x)
        out += self.dbb_avg(x)
        out += self.dbb_1x1_kxk(x)
        return self.nonlinear(out)


class SeqConv3x3(nn.Module):
    """ECB's 1×1 followed by a 3×3 or a scaled, masked edge kernel, padded by the bias."""

    def __init__(self, kind: str, c_in: int, c_out: int, multiplier: int = 2) -> None:
        super().__init__()
        self.kind = kind
        middle = int(c_out * multiplier) if kind == "conv1x1-conv3x3" else c_out
        first = nn.Conv2d(c_in, middle, 1)
        self.k0, self.b0 = first.weight, first.bias
        self.groups = 1
        if kind == "conv1x1-conv3x3":
            second = nn.Conv2d(middle, c_out, 3)
            self.k1, self.b1 = second.weight, second.bias
        else:
            taps = {
                "sobelx": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
                "sobely": [[1, 2, 1], [0, 0, 0], [-1, -2, -1]],
                "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
            }[kind]
            self.scale = nn.Parameter(torch.randn(c_out, 1, 1, 1))
            self.bias = nn.Parameter(torch.randn(c_out))
            mask = torch.tensor(taps, dtype=torch.float32).expand(c_out, 1, 3, 3).clone()
            self.mask = nn.Parameter(mask, requires_grad=False)
            self.groups = c_out

    def forward(self, x):
        y0 = functional.conv2d(input=x, weight=self.k0, bias=self.b0, stride=1)
        y0 = functional.pad(y0, (1, 1, 1, 1), "constant", 0)
        b0_pad = self.b0.view(1, -1, 1, 1)
        y0[:, :, 0:1, :] = b0_pad
        y0[:, :, -1:, :] = b0_pad
        y0[:, :, :, 0:1] = b0_pad
        y0[:, :, :, -1:] = b0_pad
        if self.kind == "conv1x1-conv3x3":
            return functional.conv2d(input=y0, weight=self.k1, bias=self.b1, stride=1)
        return functional.conv2d(
            input=y0, weight=self.scale * self.mask, bias=self.bias, stride=1, groups=self.groups
        )


class ECB(nn.Module):
    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv3x3 = nn.Conv2d(c_in, c_out, 3, padding=1)
        kinds = ("conv1x1-conv3x3", "sobelx", "sobely", "laplacian")
        self.edges = nn.ModuleList(SeqConv3x3(kind, c_in, c_out) for kind in kinds)
        self.act = nn.PReLU(num_parameters=c_out)

    def forward(self, x):
        y = self.conv3x3(x)
        for edge in self.edges:
            y = y + edge(x)
        return self.act(y + x if x.shape[1] == y.shape[1] else y)


class ACBlock(nn.Module):
    """ACNet: square, vertical and horizontal kernels, each padded for itself."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        options = {"stride": stride, "bias": False}
        self.square_conv = nn.Conv2d(c_in, c_out, 3, padding=1, **options)
        self.square_bn = nn.BatchNorm2d(c_out)
        self.ver_conv = nn.Conv2d(c_in, c_out, (3, 1), padding=(1, 0), **options)
        self.ver_bn = nn.BatchNorm2d(c_out)
        self.hor_conv = nn.Conv2d(c_in, c_out, (1, 3), padding=(0, 1), **options)
        self.hor_bn = nn.BatchNorm2d(c_out)

    def forward(self, x):
        square = self.square_bn(self.square_conv(x))
        vertical = self.ver_bn(self.ver_conv(x))
        horizontal = self.hor_bn(self.hor_conv(x))
        return functional.relu(square + vertical + horizontal, inplace=True)


class CropLayer(nn.Module):
    """ACNet's cut of rows and columns that a square kernel's padding has too many of."""

    def __init__(self, crop_set: tuple[int, int]) -> None:
        super().__init__()
        self.rows_to_crop = -crop_set[0]
        self.cols_to_crop = -crop_set[1]

    def forward(self, input):
        if self.rows_to_crop == 0 and self.cols_to_crop == 0:
            return input
        if self.rows_to_crop > 0 and self.cols_to_crop == 0:
            return input[:, :, self.rows_to_crop : -self.rows_to_crop, :]
        if self.rows_to_crop == 0 and self.cols_to_crop > 0:
            return input[:, :, :, self.cols_to_crop : -self.cols_to_crop]
        return input[
            :,
            :,
            self.rows_to_crop : -self.rows_to_crop,
            self.cols_to_crop : -self.cols_to_crop,
        ]


class CroppingACBlock(nn.Module):
    """ACNet as its authors write it: padding below the kernel's own is made by cutting the input.

    With ``padding`` p for a square kernel of side k, the 3×1 and 1×3 branches need p − k//2 pixels
    on their short side; where that is negative they cut as many off instead.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int = 3, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.square_conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
        self.square_bn = nn.BatchNorm2d(c_out)
        offset = padding - kernel // 2
        if offset >= 0:
            self.crop = 0
            hor_padding, ver_padding = (offset, padding), (padding, offset)
        else:
            self.crop = abs(offset)
            hor_padding, ver_padding = (0, padding), (padding, 0)
            self.ver_conv_crop_layer = CropLayer((0, offset))
            self.hor_conv_crop_layer = CropLayer((offset, 0))
        self.ver_conv = nn.Conv2d(c_in, c_out, (kernel, 1), stride, ver_padding, bias=False)
        self.hor_conv = nn.Conv2d(c_in, c_out, (1, kernel), stride, hor_padding, bias=False)
        self.ver_bn, self.hor_bn = nn.BatchNorm2d(c_out), nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU()

    def forward(self, input):
        square_outputs = self.square_bn(self.square_conv(input))
        if self.crop > 0:
            ver_input = self.ver_conv_crop_layer(input)
            hor_input = self.hor_conv_crop_layer(input)
        else:
            ver_input = hor_input = input
        vertical_outputs = self.ver_bn(self.ver_conv(ver_input))
        horizontal_outputs = self.hor_bn(self.hor_conv(hor_input))
        return self.relu(square_outputs + vertical_outputs + horizontal_outputs)


class BasicBlock(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample = conv_bn(c_in, c_out, 1, stride) if stride != 1 or c_in != c_out else None

    def forward(self, x):
        identity = x
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.pool = pool
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8))
        self.layer2 = nn.Sequential(BasicBlock(8, 12, stride=2))
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = self.pool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))


class Inception(nn.Module):
    """Four towers, each of conv–BN–ReLU, joined by concatenation."""

    def __init__(self, c_in: int) -> None:
        super().__init__()
        self.b1 = nn.Sequential(*conv_bn(c_in, 4, 1), nn.ReLU(True))
        self.b2 = nn.Sequential(
            *conv_bn(c_in, 3, 1), nn.ReLU(True), *conv_bn(3, 5, 3, padding=1), nn.ReLU(True)
        )
        self.b3 = nn.Sequential(
            *conv_bn(c_in, 2, 1), nn.ReLU(True), *conv_bn(2, 3, 5, padding=2), nn.ReLU(True)
        )
        self.b4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), *conv_bn(c_in, 2, 1), nn.ReLU(True))

    def forward(self, x):
        return torch.cat([self.b1(x), self.b2(x), self.b3(x), self.b4(x)], 1)


class CollapsibleBlock(nn.Module):
    """SESR: k×k to many channels, 1×1 back, short residual."""

    def __init__(self, c_in: int, c_out: int, width: int, kernel: int, residual: bool) -> None:
        super().__init__()
        self.expand = nn.Conv2d(c_in, width, kernel, padding=kernel // 2, bias=False)
        self.squeeze = nn.Conv2d(width, c_out, 1)
        self.residual = residual

    def forward(self, x):
        out = self.squeeze(self.expand(x))
        return out + x if self.residual else out


class SESR(nn.Module):
    def __init__(self, blocks: int = 3) -> None:
        super().__init__()
        self.first = CollapsibleBlock(1, 8, 32, 5, residual=False)
        self.body = nn.ModuleList(CollapsibleBlock(8, 8, 32, 3, True) for _ in range(blocks))
        self.acts = nn.ModuleList(nn.PReLU(8) for _ in range(blocks + 1))
        self.last = CollapsibleBlock(8, 4, 32, 5, residual=False)

    def forward(self, x: Tensor) -> Tensor:
        features = start = self.acts[0](self.first(x))
        for block, act in zip(self.body, self.acts[1:], strict=True):
            features = act(block(features))
        return functional.pixel_shuffle(self.last(features + start) + x, 2)
