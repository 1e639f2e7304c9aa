"""Convolutions, products of matrices and pooling."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.builders.layers.fan import Layer, constant

MATRIX = constant(4, 3)


def convolutions() -> dict[str, Layer]:
    return {
        "same": nn.Conv2d(4, 5, 3, padding=1),
        "valid": nn.Conv2d(4, 5, 3),
        "wide_pad": nn.Conv2d(4, 5, 3, padding=2),
        "stride": nn.Conv2d(4, 5, 3, stride=2, padding=1),
        "stride_same": nn.Conv2d(4, 5, 2, stride=2),
        "stride_uneven": nn.Conv2d(4, 5, 5, stride=3, padding=2),
        "stride_pair": nn.Conv2d(4, 5, (3, 2), stride=(1, 2), padding=(1, 0)),
        "dilated": nn.Conv2d(4, 5, 3, padding=2, dilation=2),
        "dilated_valid": nn.Conv2d(4, 5, 3, dilation=(2, 3)),
        "no_bias": nn.Conv2d(4, 5, 1, bias=False),
        "string_same": nn.Conv2d(4, 5, 4, padding="same"),
        "string_same_dilated": nn.Conv2d(4, 5, (2, 3), padding="same", dilation=2),
        "string_valid": nn.Conv2d(4, 5, 3, padding="valid"),
        "groups": nn.Conv2d(4, 6, 3, padding=1, groups=2),
        "depthwise": nn.Conv2d(4, 4, 3, padding=1, groups=4),
        "depthwise_multiplier": nn.Conv2d(4, 8, 3, groups=4),
        "depthwise_stride": nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4),
        "depthwise_stride_pair": nn.Conv2d(4, 4, 3, stride=(2, 1), padding=1, groups=4),
        "depthwise_dilated": nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4),
        "reflect": nn.Conv2d(4, 5, 3, padding=1, padding_mode="reflect"),
        "replicate": nn.Conv2d(4, 5, 5, padding=2, padding_mode="replicate"),
        "transposed": nn.ConvTranspose2d(4, 5, 2, 2),
        "transposed_same": nn.ConvTranspose2d(4, 5, 4, 2, 1),
        "transposed_crop": nn.ConvTranspose2d(4, 5, 3, 2, 1, output_padding=1),
        "transposed_extra": nn.ConvTranspose2d(4, 5, 2, 3, output_padding=2),
        "transposed_dilated": nn.ConvTranspose2d(4, 5, 3, 2, 1, dilation=2),
        "transposed_groups": nn.ConvTranspose2d(4, 6, 3, 1, 1, groups=2, bias=False),
        "linear": nn.Sequential(nn.Flatten(), nn.Linear(480, 7)),
        "linear_rows_last": Permuted(nn.Linear(480, 3)),
        "linear_tokens": nn.Sequential(Tokens(), nn.Linear(4, 3)),
        "matmul": lambda x: x.mean((2, 3)) @ MATRIX,
        "matmul_tokens": lambda x: x.flatten(2).transpose(1, 2) @ MATRIX,
        "mm": lambda x: torch.mm(x.flatten(1), MATRIX.repeat(120, 1)) / 50,
        "addmm": lambda x: torch.addmm(MATRIX[0], x.mean((2, 3)), MATRIX),
        "bmm": lambda x: torch.bmm(x.amax(1), x.amax(1).flip(1)[:, :10]) / 10,
        "transposed_stride_pair": nn.ConvTranspose2d(4, 3, (3, 2), (1, 2), (1, 0)),
        "depthwise_transposed": nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=4),
        "groups_after_permutation": nn.Sequential(
            nn.ChannelShuffle(2), nn.Conv2d(4, 6, 3, groups=2)
        ),
        "linear_after_mean": nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3, bias=False)
        ),
        "linear_after_relu": nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(480, 3)),
        "computed_weight": Scaled(),
    }


class Permuted(nn.Module):
    """Flattens rows, columns, channels, as models that came from TensorFlow do."""

    def __init__(self, then: nn.Module) -> None:
        super().__init__()
        self.then = then

    def forward(self, x: Tensor) -> Tensor:
        return self.then(x.permute(0, 2, 3, 1).flatten(1))


class Tokens(nn.Module):
    """N×C×H×W → N×HW×C, as Transformers read pictures."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)


class Scaled(nn.Module):
    """A conv whose kernel is computed from parameters, which the lowering does ahead of time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gain = nn.Conv2d(4, 4, 3), nn.Parameter(torch.tensor(1.5))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.conv.weight * self.gain, self.conv.bias)


def pooling() -> dict[str, Layer]:
    return {
        "max": nn.MaxPool2d(2),
        "max_pad": nn.MaxPool2d(3, 2, 1),
        "max_same": nn.MaxPool2d(3, 1, 1),
        "max_ceil": nn.MaxPool2d(3, 2, ceil_mode=True),
        "average": nn.AvgPool2d(2),
        "average_pad": nn.AvgPool2d(3, 2, 1),
        "average_uncounted": nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        "average_ceil": nn.AvgPool2d(3, 2, ceil_mode=True),
        "average_divisor": nn.AvgPool2d(2, divisor_override=3),
        "adaptive": nn.AdaptiveAvgPool2d(1),
        "adaptive_windows": nn.AdaptiveAvgPool2d((4, 5)),
        "adaptive_uneven": nn.AdaptiveAvgPool2d((5, 3)),
        "adaptive_max": nn.AdaptiveMaxPool2d(1),
        "adaptive_max_uneven": nn.AdaptiveMaxPool2d((5, 4)),
        "power_average": nn.LPPool2d(2, 2),
        "var": lambda x: x.var((2, 3)),
        "std_biased": lambda x: x.std((2, 3), unbiased=False, keepdim=True),
        "max_channels": lambda x: x.max(1)[0],
        "amax_channels": lambda x: x.amax(1),
        "max_all": lambda x: x.max(),
        "min_kept": lambda x: x.min(1, keepdim=True)[0],
        "mean": lambda x: x.mean((2, 3), keepdim=True),
        "mean_drop": lambda x: x.mean((-1, -2)),
        "mean_channels": lambda x: x.mean(1, keepdim=True),
        "mean_all": lambda x: x.mean(),
        "sum": lambda x: x.sum((2, 3)) / 10,
        "amax": lambda x: x.amax((2, 3), keepdim=True),
        "amin": lambda x: x.amin(1),
    }
