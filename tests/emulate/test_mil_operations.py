"""Every operation of the MIL interpreter against eager PyTorch, or its definition in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_sdk.artifacts.coreml import import_coremltools, silenced
from edge_sdk.emulate.mil import load_program, run_program
from edge_sdk.emulate.mil.registry import handlers
from edge_sdk_converters.coreml import CoreMLConverter
from tests.needs import needs

pytestmark = [needs("coreml"), pytest.mark.slow]

FP32_DB, FP16_DB = 100.0, 60.0
SHAPE = (2, 4, 6, 9)

Piece = Callable[[Tensor], Tensor]


def snr_db(reference: np.ndarray, other: np.ndarray) -> float:
    """Signal power over error power; infinite if identical."""
    reference = reference.astype(np.float64)
    error = np.mean((reference - other) ** 2)
    return math.inf if error == 0 else 10 * math.log10(np.mean(reference**2) / error)


class Pieces(nn.Module):
    """Several functions of one input, side by side in one N×K output."""

    def __init__(self, pieces: list[Piece]) -> None:
        super().__init__()
        self.pieces = pieces
        self.modules_among = nn.ModuleList(p for p in pieces if isinstance(p, nn.Module))

    def outputs(self, x: Tensor) -> list[Tensor]:
        return [piece(x).float().reshape(x.shape[0], -1) for piece in self.pieces]

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(self.outputs(x), 1)


def seeded(module: nn.Module) -> nn.Module:
    """Random weights and statistics, so that no parameter is one or zero."""
    generator = torch.Generator().manual_seed(1)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.1, 0.5, generator=generator)
    return module.eval()


GROUPS: dict[str, list[Piece]] = {
    "conv": [
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 6, (2, 4), padding="same"),
        nn.Conv2d(4, 8, 3, stride=(2, 1), padding=(2, 1), dilation=(2, 1), groups=2, bias=False),
        nn.Conv2d(4, 4, 3, groups=4),
        nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2),
        nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1),
        nn.ConvTranspose2d(4, 3, 3, stride=2, padding=2, dilation=2, bias=False),
        lambda x: F.conv1d(x[:, :, 0], torch.full((2, 4, 3), 0.25), padding=1),
        nn.Sequential(nn.Flatten(), nn.Linear(216, 7)),
        lambda x: x @ x.transpose(2, 3),
    ],
    "activation": [
        nn.PReLU(4),
        lambda x: F.relu(x - 0.5),
        lambda x: F.relu6(x * 9),
        lambda x: F.leaky_relu(x - 0.5, 0.1),
        torch.sigmoid,
        torch.tanh,
        lambda x: x.clamp(0.2, 0.7),
        F.gelu,
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: F.softmax(x, 1),
        lambda x: F.hardswish(x * 8 - 4),
        lambda x: F.hardsigmoid(x * 8 - 4),
        F.silu,
        lambda x: F.elu(x - 0.5),
        F.softplus,
        lambda x: F.threshold(x, 0.3, 0.0),
    ],
    "arithmetic": [
        lambda x: x[:, :2] + x[:, 2:],
        lambda x: x - x[:, :1],
        lambda x: x[:, :2] * x[:, 2:],
        lambda x: x[:, :2] / (x[:, 2:] + 0.5),
        lambda x: torch.maximum(x[:, :2], x[:, 2:]),
        lambda x: torch.minimum(x[:, :2], x[:, 2:]),
        lambda x: x[:, :2] ** x[:, 2:],
        lambda x: (x - 0.5).abs(),
        torch.atan,
        torch.cos,
        torch.erf,
        torch.exp,
        torch.exp2,
        torch.sin,
        torch.sqrt,
        torch.square,
        lambda x: torch.log(x + 0.1),
        lambda x: torch.rsqrt(x + 0.1),
        lambda x: torch.reciprocal(x + 0.1),
    ],
    "rounding": [
        lambda x: torch.ceil(x * 4),
        lambda x: torch.floor(x * 4),
        lambda x: torch.round(x * 4),
        lambda x: torch.sign(x - 0.5),
        lambda x: torch.floor_divide(x[:, :2], x[:, 2:] + 0.1),
        lambda x: torch.remainder(x[:, :2], x[:, 2:] + 0.1),
        lambda x: (x * 9).int(),
        lambda x: x[:, :2] == x[:, 2:].flip(1),
        lambda x: x[:, :2] != x[:, 2:],
        lambda x: x[:, :2] > x[:, 2:],
        lambda x: x[:, :2] >= x[:, 2:],
        lambda x: x[:, :2] < x[:, 2:],
        lambda x: x[:, :2] <= x[:, 2:],
        lambda x: torch.logical_and(x > 0.3, x < 0.7),
        lambda x: torch.logical_or(x < 0.3, x > 0.7),
        lambda x: torch.logical_xor(x > 0.3, x > 0.7),
        lambda x: torch.logical_not(x > 0.3),
        lambda x: torch.where(x > 0.5, x, -x),
        lambda x: x.argmax(1),
        lambda x: x.argmin(1),
    ],
    "shape": [
        lambda x: torch.stack([x, x * 2], 2),
        lambda x: torch.cat([*reversed(torch.split(x, [1, 3], 1)), *reversed(x.chunk(2, 1))], 1),
        lambda x: x[:, 1:, ::2, -3:] + x[:, 0:1, 1:4, :3],
        lambda x: x[:, 1],
        lambda x: x.flip(2, 3),
        lambda x: F.pad(x, (1, 2, 3, 2), mode="reflect"),
        lambda x: F.pad(x, (2, 1, 0, 3), mode="replicate"),
        lambda x: F.pad(x, (1, 0, 2, 1), value=0.5),
        lambda x: F.pixel_shuffle(x, 2),
        lambda x: F.pixel_unshuffle(x, 3),
        lambda x: x.repeat(1, 2, 1, 3),
        lambda x: x.reshape(2, 2, 2, 6, 9).permute(0, 3, 1, 4, 2),
        lambda x: x[:, :1].squeeze(1).transpose(1, 2).unsqueeze(1),
        lambda x: x[:, torch.tensor([2, 0, 3, 1, 1])],
        lambda x: x[:, :, torch.tensor([4, -1, 0]), torch.tensor([1, 1, 7])],
        lambda x: x.topk(3, 2)[0] * x.topk(3, 2)[1],
        lambda x: x.sort(3)[0] - x.sort(3, descending=True)[0],
        lambda x: torch.gather(x, 1, torch.tensor([3, 1]).reshape(1, 2, 1, 1).expand(2, 2, 6, 9)),
    ],
    "resample": [
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
        lambda x: F.interpolate(x, size=(7, 11), mode="bilinear"),
        lambda x: F.interpolate(x, size=(4, 5), mode="bilinear"),
        lambda x: F.interpolate(x, scale_factor=3, mode="nearest"),
        lambda x: F.interpolate(x, size=(7, 11), mode="nearest"),
        lambda x: F.avg_pool2d(x, 3, 2, 1),
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True),
        lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        lambda x: F.max_pool2d(x - 2, 3, 2, 1),
        lambda x: F.max_pool2d(x - 2, 2, 2, ceil_mode=True),
        lambda x: F.max_pool2d(x - 2, 3, 2, 1, ceil_mode=True),
        lambda x: F.adaptive_avg_pool2d(x, 1),
    ],
    "places": [
        lambda x, mode=mode, padding=padding, corners=corners: F.grid_sample(
            x, x[:, :2].permute(0, 2, 3, 1) * 4 - 2, mode, padding, align_corners=corners
        )
        for mode in ("bilinear", "nearest")
        for padding in ("zeros", "border")
        for corners in (False, True)
    ],
    "reduce": [
        lambda x: x.mean((2, 3)),
        lambda x: x.sum(1, keepdim=True) / 4,
        lambda x: x.amax((2, 3)),
        lambda x: x.amin((2, 3)),
        lambda x: x.norm(dim=(2, 3)),
        lambda x: x.logsumexp((2, 3)),
        nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4)),
        nn.InstanceNorm2d(4, affine=True),
        nn.LayerNorm((6, 9)),
        nn.GroupNorm(2, 4),
    ],
}
CURVES = ("acos", "asin", "atanh", "cosh", "sinh", "tan")
HALVED = {"conv", "activation", "resample"}
"""Groups that are run in fp16 too; a comparison or a rounding may flip there."""

seen: set[str] = set()


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("group", GROUPS)
def test_operations_match_eager(group: str, picture: Tensor, tmp_path: Path) -> None:
    model = seeded(Pieces(GROUPS[group]))
    with torch.no_grad():
        expected = model.outputs(picture)
    sizes = [piece.shape[1] for piece in expected]
    for precision in ["fp32", "fp16"] if group in HALVED else ["fp32"]:
        path = tmp_path / f"{precision}.mlpackage"
        report = CoreMLConverter().convert(model, picture, path, precision)
        seen.update(report.operators)
        output = run_program(load_program(path), {"input": picture})["output"]
        gate = FP32_DB if precision == "fp32" else FP16_DB
        found = {
            index: snr_db(reference.numpy(), part.numpy())
            for index, (reference, part) in enumerate(
                zip(expected, output.split(sizes, 1), strict=True)
            )
        }
        low = {index: round(value, 1) for index, value in found.items() if value < gate}
        assert not low, f"{precision}: {low} of {report.operators}"


def built(tmp_path: Path, build: Callable, shape: tuple[int, ...] = SHAPE) -> Path:
    """Write a program that ``build`` makes with MIL's own builder, for what PyTorch never emits."""
    coremltools = import_coremltools()
    from coremltools.converters.mil import Builder

    with silenced():
        program = Builder.program(
            input_specs=[Builder.TensorSpec(shape=shape)], opset_version=coremltools.target.iOS17
        )(lambda x: build(Builder, x))
        package = coremltools.convert(
            program,
            convert_to="mlprogram",
            minimum_deployment_target=coremltools.target.iOS17,
            compute_precision=coremltools.precision.FLOAT32,
            pass_pipeline=coremltools.PassPipeline.EMPTY,
            skip_model_load=True,
        )
        path = tmp_path / "built.mlpackage"
        package.save(str(path))
    return path


def run_built(path: Path, picture: Tensor) -> list[np.ndarray]:
    program = load_program(path)
    seen.update(operation.kind for operation in program.operations)
    outputs = run_program(program, {"x": picture})
    return [outputs[signature.name].numpy() for signature in program.outputs]


def compare(results: list[np.ndarray], expected: list[Tensor]) -> None:
    found = [snr_db(e.numpy(), r) for r, e in zip(results, expected, strict=True)]
    assert min(found) >= FP32_DB, found


def test_padding_types(picture: Tensor, tmp_path: Path) -> None:
    weight = np.linspace(-1, 1, 4 * 4 * 2 * 4, dtype=np.float32).reshape(4, 4, 2, 4)
    bias = np.arange(4, dtype=np.float32)

    def build(mb, x):
        def conv(pad_type, **options):
            return mb.conv(x=x, weight=weight, strides=[2, 3], pad_type=pad_type, **options)

        window = {"x": x, "kernel_sizes": [2, 4], "strides": [2, 2]}
        return (
            conv("same"),
            conv("same_lower"),
            conv("valid"),
            conv("custom", pad=[0, 1, 2, 3]),
            mb.max_pool(**window, pad_type="same"),
            mb.max_pool(**window, pad_type="same_lower"),
            mb.max_pool(**window, pad_type="valid"),
            mb.max_pool(**window, pad_type="custom", pad=[0, 1, 1, 2]),
            mb.avg_pool(**window, pad_type="same"),
            mb.avg_pool(**window, pad_type="same", exclude_padding_from_average=True),
            mb.conv_transpose(x=x, weight=weight, bias=bias, strides=[2, 3], pad_type="same"),
            mb.conv_transpose(
                x=x, weight=weight, bias=bias, strides=[2, 3], pad_type="custom", pad=[0, 1, 2, 1]
            ),
        )

    # ceil(9 / 3) = 3 columns from 4 wide kernels need 1 column of padding; pooling needs 3.
    lower, upper = F.pad(picture, (1, 0, 0, 0)), F.pad(picture, (0, 1, 0, 0))
    pooled, pooled_lower = (1, 2, 0, 0), (2, 1, 0, 0)
    least = -math.inf
    w, b = torch.from_numpy(weight), torch.from_numpy(bias)
    ones = F.avg_pool2d(F.pad(torch.ones_like(picture), pooled), (2, 4), 2)
    mean = F.avg_pool2d(F.pad(picture, pooled), (2, 4), 2)
    full = F.conv_transpose2d(picture, w, b, (2, 3))
    compare(
        run_built(built(tmp_path, build), picture),
        [
            F.conv2d(upper, w, stride=(2, 3)),
            F.conv2d(lower, w, stride=(2, 3)),
            F.conv2d(picture, w, stride=(2, 3)),
            F.conv2d(F.pad(picture, (2, 3, 0, 1)), w, stride=(2, 3)),
            F.max_pool2d(F.pad(picture, pooled, value=least), (2, 4), 2),
            F.max_pool2d(F.pad(picture, pooled_lower, value=least), (2, 4), 2),
            F.max_pool2d(picture, (2, 4), 2),
            F.max_pool2d(F.pad(picture, (1, 2, 0, 1), value=least), (2, 4), 2),
            mean,
            mean / ones,
            full[:, :, :, :27],
            full[:, :, :-1, 2:-1],
        ],
    )


def test_resize_sampling_modes(tmp_path: Path) -> None:
    # Grid points that the format's documentation lists for an interval of two pixels.
    grids = {
        ("STRICT_ALIGN_CORNERS", 5): [0, 0.25, 0.5, 0.75, 1],
        ("ALIGN_CORNERS", 6): [0, 0.2, 0.4, 0.6, 0.8, 1],
        ("ALIGN_CORNERS", 1): [0.5],
        ("STRICT_ALIGN_CORNERS", 1): [0],
        ("DEFAULT", 5): [0, 0.4, 0.8, 1, 1],
        ("OFFSET_CORNERS", 5): [0.1, 0.3, 0.5, 0.7, 0.9],
        ("UNALIGN_CORNERS", 5): [0, 0.1, 0.5, 0.9, 1],
    }
    ramp = torch.tensor([1.0, 2.0]).reshape(1, 1, 1, 2)

    def build(mb, x):
        resized = [
            mb.resize_bilinear(
                x=x, target_size_height=1, target_size_width=width, sampling_mode=mode
            )
            for mode, width in grids
        ]
        nearest = mb.resize_nearest_neighbor(x=x, target_size_height=2, target_size_width=5)
        half = mb.upsample_bilinear(
            x=x,
            scale_factor_height=1.0,
            scale_factor_width=2.5,
            align_corners=False,
            half_pixel_centers=False,
        )
        return (*resized, nearest, half)

    expected = [1 + torch.tensor(points).float().reshape(1, 1, 1, -1) for points in grids.values()]
    expected.append(torch.tensor([1.0, 1, 1, 2, 2]).expand(1, 1, 2, 5))
    expected.append(expected[4])
    compare(run_built(built(tmp_path, build, (1, 1, 1, 2)), ramp), expected)


def test_operations_that_pytorch_does_not_emit(picture: Tensor, tmp_path: Path) -> None:
    slopes = np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32)

    def at(column, row):
        return np.tile(np.array([column, row], np.float32), (2, 1, 1, 1))

    resampled = (
        ("constant", "unnormalized", at(1.25, 2)),
        ("border", "normalized_zero_to_one", at(1.25 / 8, 2 / 5)),
        ("reflection", "normalized_minus_one_to_one", at(-0.5 / 4 - 1, 2 / 2.5 - 1)),
        ("symmetric", "normalized_minus_one_to_one", at(-1 / 9 - 1, 2.5 / 3 - 1)),
    )

    def build(mb, x):
        return (
            mb.prelu(x=mb.sub(x=x, y=np.float32(0.5)), alpha=slopes),
            mb.gelu(x=x, mode="SIGMOID_APPROXIMATION"),
            mb.inverse(x=x, epsilon=np.float32(0.25)),
            mb.softsign(x=mb.sub(x=x, y=np.float32(0.5))),
            mb.mod(x=mb.sub(x=x, y=np.float32(0.5)), y=np.float32(0.3)),
            mb.reduce_sum(x=x, axes=[-1], keep_dims=True),
            mb.square(x=mb.identity(x=x)),
            mb.depth_to_space(x=x, block_size=2),
            mb.space_to_depth(x=x, block_size=3),
            mb.cast(x=mb.shape(x=x), dtype="fp32"),
            mb.concat(values=[x, mb.mul(x=x, y=np.float32(2))], axis=1, interleave=True),
            mb.slice_by_size(x=x, begin=[0, 1, -3, 2], size=[2, 2, 3, -1]),
            mb.reduce_sum_square(x=x, axes=[2, 3], keep_dims=False),
            mb.reduce_l1_norm(x=x, axes=[1], keep_dims=True),
            mb.layer_norm(x=x, axes=[1], gamma=slopes, beta=slopes),
            mb.reshape(x=x, shape=[0, -1, 3, 0]),
            mb.cumsum(x=x, axis=2, exclusive=True, reverse=True),
            *(
                mb.resample(
                    x=x,
                    coordinates=places,
                    sampling_mode="bilinear",
                    padding_mode=padding,
                    padding_value=np.float32(0),
                    coordinates_mode=kind,
                    align_corners=padding != "symmetric",
                )
                for padding, kind, places in resampled
            ),
            mb.reduce_prod(x=x, axes=[2, 3], keep_dims=False),
            mb.reduce_log_sum(x=x, axes=[1], keep_dims=True),
            mb.softplus_parametric(x=x, alpha=slopes, beta=slopes),
            mb.avg_pool(
                x=x,
                kernel_sizes=[2, 2],
                strides=[3, 4],
                pad_type="custom",
                pad=[0, 0, 0, 0],
                ceil_mode=True,
            ),
            *(getattr(mb, name)(x=x) for name in CURVES),
        )

    centered, s = picture - 0.5, torch.from_numpy(slopes)
    deep, shallow = torch.empty(2, 1, 12, 18), torch.empty(2, 36, 2, 3)
    for i in range(2):
        for j in range(2):
            deep[:, 0, i::2, j::2] = picture[:, i * 2 + j]
    for i in range(3):
        for j in range(3):
            shallow[:, (i * 3 + j) * 4 : (i * 3 + j + 1) * 4] = picture[:, :, i::3, j::3]
    channels_last = F.layer_norm(picture.permute(0, 2, 3, 1), [4], s, s)
    compare(
        run_built(built(tmp_path, build), picture),
        [
            torch.where(centered > 0, centered, centered * s.reshape(1, 4, 1, 1)),
            picture * torch.sigmoid(1.702 * picture),
            1 / (picture + 0.25),
            F.softsign(centered),
            torch.fmod(centered, 0.3),
            picture.sum(-1, keepdim=True),
            picture * picture,
            deep,
            shallow,
            torch.tensor(SHAPE).float(),
            torch.stack([picture, picture * 2], 2).flatten(1, 2),
            picture[:, 1:3, 3:, 2:],
            (picture * picture).sum((2, 3)),
            picture.abs().sum(1, keepdim=True),
            channels_last.permute(0, 3, 1, 2),
            picture.reshape(2, 8, 3, 9),
            picture.flip(2).cumsum(2).flip(2) - picture,
            # Pixel (1, 2), a quarter of the way to the one on its right; half a pixel outside.
            picture[:, :, 2:3, 1:2] * 0.75 + picture[:, :, 2:3, 2:3] * 0.25,
            picture[:, :, 2:3, 1:2] * 0.75 + picture[:, :, 2:3, 2:3] * 0.25,
            picture[:, :, 2:3, 1:2] * 0.5 + picture[:, :, 2:3, :1] * 0.5,
            picture[:, :, 2:3, :1],
            picture.prod(3).prod(2),
            picture.sum(1, keepdim=True).log(),
            s.reshape(1, 4, 1, 1) * F.softplus(picture * s.reshape(1, 4, 1, 1)),
            # Core ML divides a window that hangs over the edge by all of it, and keeps a row of
            # windows that begin beyond the last value (PyTorch would leave it out).
            F.avg_pool2d(F.pad(picture, (0, 1, 0, 2)), 2, (3, 4)),
            *(getattr(torch, name)(picture) for name in CURVES),
        ],
    )


def test_quantization(picture: Tensor, tmp_path: Path) -> None:
    scales = np.array([0.003, 0.005, 0.007, 0.009], dtype=np.float32)
    zeros = np.array([-128, -5, 0, 9], dtype=np.int8)

    def build(mb, x):
        axis = {"scale": scales, "zero_point": zeros, "axis": 1}
        whole = mb.quantize(input=x, scale=np.float32(1 / 255), output_dtype="uint8")
        return (
            mb.dequantize(input=mb.quantize(input=x, output_dtype="int8", **axis), **axis),
            mb.dequantize(input=whole, scale=np.float32(1 / 255)),
        )

    s, z = (torch.from_numpy(a).float().reshape(1, 4, 1, 1) for a in (scales, zeros))
    compare(
        run_built(built(tmp_path, build), picture),
        [
            s * ((torch.round(picture / s) + z).clamp(-128, 127) - z),
            torch.round(picture * 255).clamp(0, 255) / 255,
        ],
    )


def test_every_handler_was_exercised(picture: Tensor, tmp_path: Path) -> None:
    """Run the tests above again as far as another process ran them: workers share them out."""
    runs: list[Callable[[Path], None]] = [
        *(partial(test_operations_match_eager, group, picture) for group in GROUPS),
        partial(test_padding_types, picture),
        test_resize_sampling_modes,
        partial(test_operations_that_pytorch_does_not_emit, picture),
        partial(test_quantization, picture),
    ]
    for index, run in enumerate(runs):
        if set(handlers()) <= seen:
            break
        folder = tmp_path / str(index)
        folder.mkdir()
        run(folder)
    assert set(handlers()) <= seen
