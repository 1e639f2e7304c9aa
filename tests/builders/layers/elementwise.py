"""Activations, arithmetic and normalization."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.builders.layers.fan import Layer, constant

aten = torch.ops.aten
CHANNELS, ROW, MAP = constant(1, 4, 1, 1), constant(10), constant(1, 1, 12, 10)
KERNEL = constant(3, 16, 1, 1)


def activations() -> dict[str, Layer]:
    return {
        "relu": F.relu,
        "relu_in_place": nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)),
        "relu6": lambda x: F.relu6(x * 8),
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "silu": F.silu,
        "hardsigmoid": lambda x: F.hardsigmoid(x * 5),
        "hardswish": lambda x: F.hardswish(x * 5),
        "neg": lambda x: -x,
        "abs": torch.abs,
        "exp": torch.exp,
        "sqrt": lambda x: torch.sqrt(x.abs() + 0.1),
        "clone": lambda x: x.clone() * 2,
        "alias": lambda x: aten.alias(x) * 2,
        "detach": lambda x: x.detach() * 2,
        "to_copy": lambda x: x.to(memory_format=torch.channels_last) * 2,
        "leaky_relu": nn.LeakyReLU(0.1),
        "prelu": nn.PReLU(4),
        "prelu_shared": nn.PReLU(),
        "hardtanh": nn.Hardtanh(-0.3, 0.6),
        "hardtanh_relu6": nn.Hardtanh(0.0, 6.0),
        "clamp": lambda x: x.clamp(0, 1),
        "clamp_low": lambda x: x.clamp(min=0.2),
        "clamp_high": lambda x: x.clamp(max=0.2),
        "clip": lambda x: x.clip(-0.5, 0.5),
        "clamp_min": lambda x: x.clamp_min(0.1),
        "clamp_max": lambda x: x.clamp_max(0.1),
        "floor": lambda x: torch.floor(x * 3),
        "ceil": lambda x: torch.ceil(x * 3),
        "round": lambda x: torch.round(x * 3),
        "sign": torch.sign,
        "sin": torch.sin,
        "cos": torch.cos,
        "log": lambda x: torch.log(x.abs() + 0.1),
        "rsqrt": lambda x: torch.rsqrt(x.abs() + 0.1),
        "square_of": torch.square,
        "log_sigmoid": lambda x: F.logsigmoid(x * 20),
        "elu": nn.ELU(),
        "elu_alpha": nn.ELU(0.4),
        "selu": nn.SELU(),
        "celu": nn.CELU(0.7),
        "gelu": lambda x: F.gelu(x * 3.1),
        "gelu_tanh": lambda x: F.gelu(x * 3.2, approximate="tanh"),
        "softplus": lambda x: F.softplus(x * 15),
        "softplus_beta": nn.Softplus(beta=3, threshold=1),
        "mish": nn.Mish(),
        "glu": nn.GLU(1),
        "threshold": nn.Threshold(0.3, 2.0),
        "hardshrink": nn.Hardshrink(),
        "softshrink": nn.Softshrink(),
        "softsign": nn.Softsign(),
        "tanhshrink": nn.Tanhshrink(),
        "log_softmax_rows": nn.LogSoftmax(dim=2),
        "log_softmax_vector": lambda x: F.log_softmax(x.mean((2, 3)), dim=-1),
        "softmax_channels": nn.Softmax(dim=1),
        "softmax_rows": nn.Softmax(dim=2),
        "softmax_vector": lambda x: F.softmax(x.mean((2, 3)), dim=-1),
    }


def arithmetic() -> dict[str, Layer]:
    return {
        "add": lambda x: x + x.abs(),
        "add_alpha": lambda x: torch.add(x, x.abs(), alpha=0.5),
        "add_scalar": lambda x: x + 1,
        "sub": lambda x: x - x.abs() * 3,
        "sub_alpha": lambda x: torch.sub(x, x.abs(), alpha=2),
        "rsub": lambda x: 1 - x,
        "rsub_alpha": lambda x: torch.rsub(x, 3.0, alpha=2),
        "mul_channels": lambda x: x * CHANNELS,
        "mul_rank3": lambda x: x * CHANNELS[0],
        "mul_rank1": lambda x: x * ROW,
        "mul_map": lambda x: x * MAP,
        "div": lambda x: x / CHANNELS,
        "div_scalar_first": lambda x: 2.0 / (x.abs() + 1),
        "maximum": lambda x: torch.maximum(x, x * 0.2),
        "minimum": lambda x: torch.minimum(x, CHANNELS - 0.7),
        "square": lambda x: x**2,
        "power": lambda x: (x.abs() + 0.1) ** 1.7,
        "root": lambda x: x.abs() ** 0.5,
        "floor_divide": lambda x: (x * 4) // 0.7,
        "remainder": lambda x: (x * 4) % 0.7,
        "addcmul": lambda x: torch.addcmul(x, x, x.abs(), value=0.3),
        "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1, value=0.3),
        "lerp": lambda x: torch.lerp(x, x.abs(), 0.3),
        "where": lambda x: torch.where(x > 0.2, x, CHANNELS),
        "where_scalar": lambda x: torch.where(x >= 0.2, x, 0.0),
        "where_reordered": lambda x: F.conv2d(
            torch.where(F.pixel_unshuffle(x, 2) < 0.2, F.pixel_unshuffle(x, 2), 1.0), KERNEL
        ),
        "mask": lambda x: x * (x > 0.2),
        "masked_fill": lambda x: x.masked_fill(x <= 0.2, -1.0),
        "equal": lambda x: torch.where(x.clamp(0, 0.5) == 0.5, x, -x),
        "not_equal": lambda x: torch.where(x.clamp(0, 0.5) != 0.5, x, -x),
        "batch_norm_vector": nn.Sequential(nn.Flatten(), nn.BatchNorm1d(480)),
        "group_norm": nn.GroupNorm(2, 4),
        "instance_norm": nn.InstanceNorm2d(4, affine=True),
        "layer_norm_map": nn.LayerNorm((4, 12, 10)),
        "layer_norm_vector": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(4)),
        "normalize": lambda x: F.normalize(x, dim=1),
        "norm_one": lambda x: torch.linalg.vector_norm(x, 1, (2, 3)) / 50,
        "one_channel": lambda x: x + x[:, :1],
        "batch_norm": nn.BatchNorm2d(4),
        "batch_norm_plain": nn.BatchNorm2d(4, affine=False),
        "conv_batch_norm": nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)),
        "squeeze_excite": lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)),
        "squeeze_excite_views": lambda x: x * x.mean((2, 3)).view(-1, 4, 1, 1),
    }
