"""Joining, cutting, permuting and resampling."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.builders.layers.fan import Layer, constant

aten = torch.ops.aten
EXTRA, VECTOR = constant(1, 2, 12, 10), constant(480)


def shapes() -> dict[str, Layer]:
    return {
        "cat_channels": lambda x: torch.cat([x, x.abs()], 1),
        "cat_rows": lambda x: torch.cat([x, x.abs()], 2),
        "cat_columns": lambda x: torch.cat([x, x.abs()], -1),
        "cat_constant": lambda x: torch.cat([x, EXTRA], 1),
        "slice": lambda x: x[:, 1:3, 2:-1, ::2],
        "split": lambda x: torch.cat(list(reversed(x.chunk(2, 1))), 1),
        "split_sizes": lambda x: x.split([5, 7], 2)[1],
        "pad": lambda x: F.pad(x, (1, 2, 3, 0), value=0.5),
        "pad_channels": lambda x: F.pad(x, (0, 0, 0, 0, 1, 2)),
        "pad_nd": lambda x: aten.constant_pad_nd(x, [1, 1], 2.0),
        "pad_reflect": nn.ReflectionPad2d(2),
        "pad_replicate": nn.ReplicationPad2d((1, 3, 0, 2)),
        "pad_circular": nn.CircularPad2d((1, 2, 3, 0)),
        "pad_negative": nn.ZeroPad2d((-1, 2, 0, -3)),
        "flip": lambda x: x.flip(1, 3),
        "roll": lambda x: x.roll((1, -3), (1, 2)),
        "repeat": lambda x: x.repeat(1, 2, 1, 3),
        "expand": lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 12, 10) + x,
        "stack": lambda x: torch.stack([x.mean((2, 3)), x.amax((2, 3))], 1),
        "select": lambda x: x[:, 2],
        "unbind": lambda x: x.unbind(1)[3] - x.unbind(1)[0],
        "pick": lambda x: x[:, [2, 0]],
        "permute_channels": lambda x: x[:, [2, 0, 3, 1]],
        "permute_channels_conv": nn.Sequential(Picked(), nn.Conv2d(4, 3, 3)),
        "channel_shuffle": nn.ChannelShuffle(2),
        "channel_shuffle_conv": nn.Sequential(nn.ChannelShuffle(2), nn.Conv2d(4, 3, 3)),
        "channel_shuffle_twice": nn.Sequential(
            nn.PixelUnshuffle(2), nn.ChannelShuffle(4), nn.ReLU(), nn.ChannelShuffle(2)
        ),
        "channel_shuffle_views": lambda x: (
            x.view(1, 2, 2, 12, 10).transpose(1, 2).reshape(1, 4, 12, 10)
        ),
        "shuffle_views": lambda x: (
            x.view(1, 1, 2, 2, 12, 10).permute(0, 1, 4, 2, 5, 3).reshape(1, 1, 24, 20)
        ),
        "unshuffle_views": lambda x: (
            x.view(1, 4, 6, 2, 5, 2).permute(0, 1, 3, 5, 2, 4).reshape(1, 16, 6, 5)
        ),
        "permute_flatten": lambda x: x.permute(0, 2, 3, 1).flatten(1),
        "permute_there_and_back": lambda x: F.relu(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
        "tokens": lambda x: x.flatten(2).transpose(1, 2),
        "tokens_and_back": lambda x: (
            (x.flatten(2).transpose(1, 2) * 2).transpose(1, 2).reshape(1, 4, 12, 10)
        ),
        "t": lambda x: x.amax((2, 3)).t(),
        "flatten": nn.Flatten(),
        "flatten_twice": lambda x: x.flatten(1) + x.abs().flatten(1),
        "flatten_constant": lambda x: x.flatten(1) * VECTOR,
        "unflatten": lambda x: (x.flatten(1) * 2).view(-1, 8, 6, 10),
        "squeeze": lambda x: x.mean((2, 3), keepdim=True).squeeze(-1).squeeze(-1),
        "unsqueeze": lambda x: x.mean((2, 3))[:, :, None, None] * 2,
    }


def resampling() -> dict[str, Layer]:
    return {
        "shuffle": nn.PixelShuffle(2),
        "shuffle_three": nn.Sequential(nn.Conv2d(4, 27, 3), nn.PReLU(27), nn.PixelShuffle(3)),
        "shuffle_unplanned": nn.Sequential(
            nn.Conv2d(4, 12, 1), nn.MaxPool2d(2), nn.PixelShuffle(2)
        ),
        "shuffle_skip": Skip(),
        "shuffle_norm": nn.Sequential(
            nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8), nn.LeakyReLU(0.2), nn.PixelShuffle(2)
        ),
        "shuffle_grouped": nn.Sequential(nn.Conv2d(4, 8, 3, groups=4), nn.PixelShuffle(2)),
        "unshuffle": nn.PixelUnshuffle(2),
        "unshuffle_conv": nn.Sequential(nn.PixelUnshuffle(2), nn.PReLU(16), nn.Conv2d(16, 3, 3)),
        "unshuffle_grouped": nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 3, groups=2)),
        "unshuffle_shuffle": nn.Sequential(nn.PixelUnshuffle(2), nn.PixelShuffle(2)),
        "nearest": nn.Upsample(scale_factor=2),
        "nearest_exact": nn.Upsample(size=(18, 5), mode="nearest-exact"),
        "nearest_broken_factor": nn.Upsample(scale_factor=(1.3, 0.7)),
        "bilinear_recomputed": lambda x: F.interpolate(
            x, scale_factor=1.55, mode="bilinear", recompute_scale_factor=True
        ),
        "area": lambda x: F.interpolate(x, size=(6, 5), mode="area"),
        "nearest_size": nn.Upsample(size=(18, 5)),
        "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
        "bilinear_size": nn.Upsample(size=(17, 25), mode="bilinear"),
        "bilinear_corners": nn.Upsample(scale_factor=3, mode="bilinear", align_corners=True),
    }


class Picked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, torch.tensor([3, 1, 0, 2])]


class Skip(nn.Module):
    """Two convs, a per-channel constant and a one-channel picture meet before the shuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(4, 12, 3, padding=1), nn.Conv2d(4, 12, 1)
        self.gain = nn.Parameter(constant(1, 12, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle((self.left(x) + self.right(x)) * self.gain + x[:, :1], 2)
