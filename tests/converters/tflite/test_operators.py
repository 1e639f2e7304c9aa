"""Every TFLite handler against PyTorch: many small layers per artifact, one output each."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.exported import export, operator_name
from edge_sdk_converters.tflite import TFLiteConverter
from edge_sdk_converters.tflite.lowering import HANDLERS
from tests.builders.conversion_nets import picture, seeded
from tests.needs import needs

pytestmark = [needs("tflite"), pytest.mark.slow]

aten = torch.ops.aten
Layer = nn.Module | Callable[[Tensor], Tensor]


class Fan(nn.Module):
    """Applies every layer to the same N×4×12×10 input, shifted to both signs."""

    def __init__(self, layers: dict[str, Layer]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(
            {
                key: layer if isinstance(layer, nn.Module) else Call(layer)
                for key, layer in layers.items()
            }
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        signed = x * 2 - 1
        return tuple(layer(signed) for layer in self.layers.values())


class Call(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def constant(*shape: int) -> Tensor:
    return picture(*shape, seed=3) + 0.5


CHANNELS, ROW, MAP = constant(1, 4, 1, 1), constant(10), constant(1, 1, 12, 10)
KERNEL, MATRIX = constant(3, 16, 1, 1), constant(4, 3)
EXTRA, VECTOR = constant(1, 2, 12, 10), constant(480)


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


GROUPS = [activations, arithmetic, convolutions, pooling, shapes, resampling]


@pytest.fixture
def example() -> Tensor:
    return picture(1, 4, 12, 10)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_each_layer_agrees_with_torch(
    group: Callable[[], dict[str, Layer]], example: Tensor, tmp_path: Path
) -> None:
    model = seeded(lambda: Fan(group()))
    path = tmp_path / "layers.tflite"
    report = TFLiteConverter().convert(model, example, path, "fp32")
    assert report.fallback is None
    parity = verify(model, [example, picture(1, 4, 12, 10, seed=2)], path)
    wrong = {
        name: output.psnr_db
        for name, output in zip(group(), parity.outputs, strict=True)
        if not output.psnr_db >= GATES_DB["fp32"]
    }
    assert wrong == {}
    assert "TRANSPOSE" not in report.operators


def test_no_handler_goes_untested(example: Tensor) -> None:
    used = {
        operator_name(node.target)
        for group in GROUPS
        for node in export(seeded(lambda group=group: Fan(group())), example).graph.nodes
        if node.op == "call_function" and node.target is not operator.getitem
    }
    # Int8 codes have tests of their own: tests/converters/test_int8_targets.py.
    codes = {"quantize_per_tensor", "dequantize_per_tensor"}
    assert set(HANDLERS) - used == codes
