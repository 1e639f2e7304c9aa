"""What a layer takes in, and what a step passes, against the equation that says so."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from edge_sdk.reparam.graph.channel_changes import (
    Change,
    changed,
    takes_bias,
    takes_scale,
    takes_shift_out,
)
from edge_sdk.reparam.graph.channel_passing import passed_scale, passed_shift
from edge_sdk.reparam.graph.tracing import trace
from tests.builders.pre_activation_nets import positive
from tests.tolerances import DOUBLE

DOUBLES = torch.float64


def per_channel(values: Tensor, rank: int) -> Tensor:
    return values.reshape(-1, *[1] * (rank - 2))


LAYERS = {
    "conv": (nn.Conv2d(6, 4, 3), (2, 6, 7, 8), True, True),
    "conv of a pixel": (nn.Conv2d(6, 4, 1, 2, bias=False), (2, 6, 7, 8), True, True),
    "padded": (nn.Conv2d(6, 4, 3, padding=1), (2, 6, 7, 8), True, False),
    "same": (nn.Conv2d(6, 4, (1, 3), padding="same"), (2, 6, 7, 8), True, False),
    "same of a pixel": (nn.Conv2d(6, 4, 1, padding="same"), (2, 6, 7, 8), True, True),
    "valid": (nn.Conv2d(6, 4, 3, padding="valid"), (2, 6, 7, 8), True, True),
    "reflected": (nn.Conv2d(6, 4, 3, 1, 1, padding_mode="reflect"), (2, 6, 7, 8), True, True),
    "wrapped": (nn.Conv2d(6, 4, 3, 1, 1, padding_mode="circular"), (2, 6, 7, 8), True, True),
    "groups": (nn.Conv2d(6, 4, 3, groups=2, bias=False), (2, 6, 7, 8), True, True),
    "depthwise": (nn.Conv2d(6, 12, 3, padding=1, groups=6), (2, 6, 7, 8), True, False),
    "signal": (nn.Conv1d(6, 4, 3, dilation=2), (2, 6, 9), True, True),
    "volume": (nn.Conv3d(6, 4, 2, groups=2), (1, 6, 3, 4, 5), True, True),
    "transposed": (nn.ConvTranspose2d(6, 4, 3, 2, 1), (2, 6, 5, 4), True, False),
    "transposed groups": (nn.ConvTranspose2d(6, 4, 3, groups=2), (2, 6, 5, 4), True, False),
    "linear": (nn.Linear(6, 4, bias=False), (3, 6), True, True),
    "tokens": (nn.Linear(6, 4), (3, 6, 6), False, False),
    "norm": (nn.BatchNorm2d(6), (2, 6, 7, 8), False, True),
    "norm of vectors": (nn.BatchNorm1d(6, affine=False), (4, 6), False, True),
    "padding by a value": (
        nn.Sequential(nn.ConstantPad2d((1, 0, 2, 0), 0.7), nn.Conv2d(6, 4, 3)),
        (2, 6, 7, 8),
        False,
        False,
    ),
    "uneven padding": (
        nn.Sequential(nn.ConstantPad2d((1, 0, 2, 0), 0.0), nn.Conv2d(6, 4, 3)),
        (2, 6, 7, 8),
        True,
        False,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@torch.no_grad()
def test_a_changed_layer_is_the_layer_of_what_its_input_stands_for(name: str) -> None:
    layer, shape, scales, shifts = LAYERS[name]
    torch.manual_seed(0)
    rank = len(shape)
    layer = positive(layer).double()
    assert takes_scale(layer, rank) == scales
    assert takes_shift_out(layer, rank) == shifts
    assert takes_bias(layer, rank) == (name != "tokens")
    if name == "tokens":
        return
    x = torch.randn(*shape, dtype=DOUBLES)
    expected = layer(x)
    state = {key: value.clone() for key, value in layer.state_dict().items()}
    scale, shift = torch.rand(6, dtype=DOUBLES) + 0.1, torch.randn(6, dtype=DOUBLES)
    added = torch.randn(expected.shape[1], dtype=DOUBLES)
    lifted = expected + per_channel(added, rank)
    made = changed(layer, Change(output_shift=added), DOUBLES)
    torch.testing.assert_close(made(x), lifted, **DOUBLE)
    if scales:
        made = changed(layer, Change(input_scale=scale, output_shift=added), DOUBLES)
        torch.testing.assert_close(made(x / per_channel(scale, rank)), lifted, **DOUBLE)
    if shifts:
        made = changed(layer, Change(input_shift=shift, output_shift=added), DOUBLES)
        torch.testing.assert_close(made(x + per_channel(shift, rank)), lifted, **DOUBLE)
    assert all(torch.equal(state[key], value) for key, value in layer.state_dict().items())
    assert changed(layer, Change(output_shift=added), torch.float32)(x.float()).dtype is (
        torch.float32
    )


class Hooked(nn.Conv2d):
    pass


def test_layers_of_other_classes_with_hooks_or_in_training_take_nothing_in() -> None:
    hooked = nn.Conv2d(6, 4, 1)
    hooked.register_forward_pre_hook(lambda module, inputs: None)
    for layer in (Hooked(6, 4, 1), hooked, nn.BatchNorm2d(6), nn.ReLU(), nn.Identity()):
        assert not takes_bias(layer, 4)
        assert not takes_scale(layer, 4)
        assert not takes_shift_out(layer, 4)
    no_statistics = nn.BatchNorm2d(6, track_running_stats=False).eval()
    assert not takes_bias(no_statistics, 4)


def step(function) -> nn.Module:
    return type("Step", (nn.Module,), {"forward": lambda self, x: function(x)})()


BOTH = {
    "max": lambda x: F.max_pool2d(x, 3, 2, 1),
    "mean": lambda x: F.avg_pool2d(x, 2),
    "mean of pixels alone": lambda x: F.avg_pool2d(x, 3, 1, 1, False, False),
    "global mean": lambda x: x.mean((2, 3), keepdim=True),
    "rows": lambda x: torch.mean(x, 2),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, 2),
    "adaptive max": lambda x: F.adaptive_max_pool2d(x, 1),
    "flatten": lambda x: torch.flatten(x, 1),
    "view": lambda x: x.view(x.size(0), -1),
    "reshape": lambda x: x.reshape((x.shape[0], -1)),
    "crop": lambda x: x[:, :, ::2, 1:-1],
    "pixel": lambda x: x[:, :, 0, 0],
    "nearest": lambda x: F.interpolate(x, scale_factor=2.0),
    "bicubic": lambda x: F.interpolate(x, (9, 11), mode="bicubic", align_corners=False),
    "reflection": lambda x: F.pad(x, (1, 1, 2, 1), mode="reflect"),
    "dropout": lambda x: F.dropout(x, 0.5, False),
    "copy": lambda x: x.contiguous(),
    "no dropout": nn.Dropout(0.5),
    "layer of maxima": nn.MaxPool2d(2),
    "layer of means": nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "layer of replication": nn.ReplicationPad2d(1),
    "layer that enlarges": nn.Upsample(scale_factor=2),
    "layer that flattens": nn.Flatten(),
}
SCALE_ALONE = {
    "ReLU": F.relu,
    "method": lambda x: x.relu(),
    "layer": nn.ReLU(),
    "leaky": lambda x: F.leaky_relu(x, 0.3),
    "slopes": nn.PReLU(4, 0.2),
    "mean with zeros": lambda x: F.avg_pool2d(x, 3, 1, 1),
    "another divisor": lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    "layer with zeros": nn.AvgPool2d(3, 2, 1),
    "zeros around": lambda x: F.pad(x, (1, 1, 0, 2)),
    "layer of zeros": nn.ZeroPad2d(1),
}
NEITHER = {
    "ReLU6": F.relu6,
    "sigmoid": torch.sigmoid,
    "value around": lambda x: F.pad(x, (1, 1), value=0.3),
    "layer of a value": nn.ConstantPad2d(1, 0.3),
    "more channels": lambda x: F.pad(x, (0, 0, 0, 0, 1, 1)),
    "mean of channels": lambda x: x.mean(1, keepdim=True),
    "mean of all": lambda x: x.mean(),
    "shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pictures joined": lambda x: x.view(-1, 4),
    "channels picked": lambda x: x[:, :2],
    "channels as rows": lambda x: x.transpose(1, 2),
    "all flattened": lambda x: torch.flatten(x),
    "dropout that trains": lambda x: F.dropout(x, 0.0, True),
    "several results": lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
}


def traced_step(function) -> tuple[fx.Node, fx.GraphModule, nn.Module]:
    model = nn.Sequential(function) if isinstance(function, nn.Module) else step(function)
    model = model.eval().double()
    traced = trace(model, (torch.randn(2, 4, 6, 8, dtype=DOUBLES),))
    last = next(iter(reversed(traced.module.graph.nodes))).all_input_nodes[0]
    return last, traced.module, model


@pytest.mark.parametrize("name", [*BOTH, *SCALE_ALONE])
@torch.no_grad()
def test_steps_pass_what_they_are_said_to(name: str) -> None:
    node, module, model = traced_step((BOTH | SCALE_ALONE)[name])
    torch.manual_seed(1)
    x = torch.randn(2, 4, 6, 8, dtype=DOUBLES)
    scale, shift = torch.rand(4, dtype=DOUBLES) + 0.1, torch.randn(4, dtype=DOUBLES)
    expected = model(x)
    passed = passed_scale(node, module, scale)
    assert passed is not None
    found = model(x * per_channel(scale, 4))
    torch.testing.assert_close(found, expected * per_channel(passed, expected.ndim), **DOUBLE)
    passed = passed_shift(node, module, shift)
    assert (passed is not None) == (name in BOTH)
    if passed is not None:
        found = model(x + per_channel(shift, 4))
        torch.testing.assert_close(found, expected + per_channel(passed, expected.ndim), **DOUBLE)


@pytest.mark.parametrize("name", NEITHER)
def test_other_steps_pass_nothing(name: str) -> None:
    node, module, _ = traced_step(NEITHER[name])
    ones = torch.ones(4, dtype=DOUBLES)
    assert passed_scale(node, module, ones) is None
    assert passed_shift(node, module, ones) is None
