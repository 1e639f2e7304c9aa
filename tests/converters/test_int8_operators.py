"""Operators in int8: integers only in the file, the scheme's own codes, the truth's values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ConversionError
from edge_sdk.quantization import Quantized, apply_scheme, quantize
from edge_sdk.targets import find_converter
from tests.builders.int8_codes import activation_codes
from tests.builders.smooth_pictures import smooth_pictures

pytestmark = pytest.mark.slow

PICTURES = smooth_pictures(4, seed=4, size=16, channels=3)
OTHERS = smooth_pictures(2, seed=9, size=16, channels=3)
Forward = Callable[["Layers", Tensor], Tensor]


class Layers(nn.Module):
    """A function of a convolution's result, with layers of its own."""

    def __init__(self, forward: Forward, **layers: nn.Module) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def transposed(**options: int) -> nn.Module:
    return nn.ConvTranspose2d(8, 8, 3, stride=2, padding=1, **options)


def batch_norm() -> nn.Module:
    layer = nn.BatchNorm2d(11)
    layer.running_mean.uniform_(-0.3, 0.3)  # type: ignore[union-attr]
    layer.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    nn.init.uniform_(layer.weight, -0.5, 1.5)
    nn.init.uniform_(layer.bias, -0.3, 0.3)
    return layer


def seeded(name: str) -> Layers:
    torch.manual_seed(0)
    return NETS[name]().eval()


NETS: dict[str, Callable[[], Layers]] = {
    "output padding": lambda: Layers(lambda s, x: s.b(s.a(x)), b=transposed(output_padding=1)),
    "output padding, relu": lambda: Layers(
        lambda s, x: torch.relu(s.b(s.a(x))), b=transposed(output_padding=1)
    ),
    "transposed in groups": lambda: Layers(lambda s, x: s.b(s.a(x)), b=transposed(groups=2)),
    "transposed in groups, clamp": lambda: Layers(
        lambda s, x: s.b(s.a(x)).clamp(0, 0.2), b=transposed(groups=4, output_padding=1)
    ),
    "transposed twice": lambda: Layers(
        lambda s, x: s.b(s.b(s.a(x))), b=nn.ConvTranspose2d(8, 8, 2, stride=2)
    ),
    "transposed, dilated": lambda: Layers(lambda s, x: s.b(s.a(x)), b=transposed(dilation=2)),
    "norm behind a concatenation": lambda: Layers(
        lambda s, x: torch.relu(s.b(torch.cat([s.a(x), x], 1))), b=batch_norm()
    ),
    "hard sigmoid": lambda: Layers(lambda s, x: functional.hardsigmoid(s.a(x) * 8)),
    "hard sigmoid of a vector": lambda: Layers(
        lambda s, x: functional.hardsigmoid(s.b(s.a(x).mean((2, 3)))), b=nn.Linear(8, 5)
    ),
    "one result taken twice": lambda: Layers(lambda s, x: s.a(x) * s.a(x).amax(1, keepdim=True)),
    "module called twice": lambda: Layers(
        lambda s, x: s.b(torch.relu(s.b(s.a(x)))), b=nn.Conv2d(8, 8, 3, padding=1)
    ),
    "sigmoid": lambda: Layers(lambda s, x: torch.sigmoid(s.a(x))),
    "sigmoid, shuffled": lambda: Layers(
        lambda s, x: functional.pixel_shuffle(torch.sigmoid(s.a(x)), 2)
    ),
    "sigmoid, joined": lambda: Layers(lambda s, x: torch.cat([torch.sigmoid(s.a(x)), x], 1)),
    "tanh": lambda: Layers(lambda s, x: torch.tanh(s.a(x))),
    "softmax": lambda: Layers(
        lambda s, x: torch.softmax(s.b(s.a(x).mean((2, 3))), 1), b=nn.Linear(8, 5)
    ),
    "average pool": lambda: Layers(lambda s, x: functional.avg_pool2d(s.a(x), 2)),
    "bilinear": lambda: Layers(
        lambda s, x: functional.interpolate(s.a(x), scale_factor=2, mode="bilinear")
    ),
    "maximum": lambda: Layers(lambda s, x: torch.maximum(s.a(x), s.a(x).flip(3))),
    "split": lambda: Layers(lambda s, x: torch.mul(*torch.split(s.a(x), 4, 1))),
    "prelu of a vector": lambda: Layers(
        lambda s, x: s.p(s.b(s.a(x).mean((2, 3)))), b=nn.Linear(8, 5), p=nn.PReLU(5)
    ),
    "leaky relu": lambda: Layers(lambda s, x: functional.leaky_relu(s.a(x), 0.1)),
    "constants": lambda: Layers(lambda s, x: s.b(s.a(x) * 2 + 1), b=nn.Conv2d(8, 3, 3, padding=1)),
    "squeeze and excitation": lambda: Layers(
        lambda s, x: s.a(x) * torch.sigmoid(s.b(functional.adaptive_avg_pool2d(x, 1))),
        b=nn.Conv2d(3, 8, 1),
    ),
}
ROUNDED_OTHERWISE = {
    "average pool": "its kernel rounds halves up",
    "bilinear": "its kernel has weights of 11 bits",
    "norm behind a concatenation": "its bias is rounded",
    "hard sigmoid": "its bias is rounded",
    "sigmoid, joined": "codes are changed by a factor of 8 bits",
}


def quantized(name: str) -> tuple[Layers, Quantized]:
    model = seeded(name)
    return model, quantize(model, PICTURES[0], PICTURES, picture_output=False)


def differences(path: Path, made: Quantized) -> tuple[float, float]:
    """Largest difference from the truth, in steps of the output, and part of equal values."""
    runner = open_artifact(path)
    last = made.graph.values[-1]
    step = made.scheme.values[last.share].scale
    largest, equal, count = 0.0, 0, 0
    for picture in OTHERS:
        found = torch.from_numpy(runner.run({"input": picture.numpy()})["output"])
        with torch.no_grad():
            steps = ((found - made.model(picture)).abs() / step).round()
        largest = max(largest, float(steps.max()))
        equal, count = equal + int((steps == 0).sum()), count + steps.numel()
    return largest, equal / count


@pytest.mark.parametrize("name", NETS)
def test_tflite_computes_in_integers_with_the_schemes_codes(name: str, tmp_path: Path) -> None:
    _, made = quantized(name)
    path = tmp_path / "net.tflite"
    report = find_converter("tflite").convert(made.model, PICTURES[0], path, "int8")
    assert (report.float_operators, report.transposes, report.fallback) == (0, 0, None)
    found = activation_codes(path)
    wanted = [(codes.scale, codes.zero_point) for codes in made.scheme.values.values()]
    if "prelu" in name:
        # Between its two convolutions both sides of the input, by the input's step from 0 on.
        found = {code for code in found if code[1] != -128 or code[0] > 0.003}
    assert len(found) == len(set(wanted))
    for scale, point in found:
        assert any(abs(one - scale) <= 3e-7 * one and zero == point for one, zero in wanted)
    largest, equal = differences(path, made)
    assert largest <= 1
    assert equal >= (0.85 if name in ROUNDED_OTHERWISE else 0.9995)


@pytest.mark.parametrize(
    "name",
    ["transposed in groups", "output padding", "sigmoid, shuffled", "constants"],
)
def test_executorch_and_core_ml_take_them_too(name: str, tmp_path: Path) -> None:
    _, made = quantized(name)
    for target, file in (("executorch", "net.pte"), ("coreml", "net.mlpackage")):
        path = tmp_path / file
        report = find_converter(target).convert(made.model, PICTURES[0], path, "int8")
        assert report.undelegated == ()
        assert report.partitions in (None, 1)
        assert report.remarks == ()
        largest, equal = differences(path, made)
        assert largest <= 1
        assert equal >= (0.9995 if target == "executorch" else 0.9)


def test_what_has_no_int8_form_is_refused_with_its_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Layers(lambda s, x: s.b(s.a(x)), b=nn.GroupNorm(2, 8)).eval()
    made = quantize(net, PICTURES[0], PICTURES, picture_output=False)
    path = tmp_path / "net.tflite"
    with pytest.raises(ConversionError, match=r"^b \(GroupNorm\): group_norm has no int8 form"):
        find_converter("tflite").convert(made.model, PICTURES[0], path, "int8")
    assert not path.exists()


@pytest.mark.parametrize("precision", ["int8", "int8-float-io"])
def test_a_layer_left_in_floating_point_may_be_so(precision: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Layers(lambda s, x: s.c(s.b(s.a(x))), b=nn.GroupNorm(2, 8), c=nn.Conv2d(8, 3, 3)).eval()
    made = quantize(net, PICTURES[0], PICTURES, picture_output=False)
    mixed = apply_scheme(
        net, PICTURES[0], type(made.scheme)(made.scheme.values, float_layers=("b",))
    )
    path = tmp_path / "net.tflite"
    report = find_converter("tflite").convert(mixed.model, PICTURES[0], path, precision)
    assert report.float_operators
    assert {"QUANTIZE", "DEQUANTIZE"} <= set(report.operators)
    assert differences(path, mixed)[0] <= 2
