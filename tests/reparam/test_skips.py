from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.models.enhance_config import SCALES, Activation
from edge_sdk.models.spec import Color, Task
from edge_sdk.reparam import five_branches, fold_skips, fuse
from tests.tolerances import MERGED, MERGED_NETWORK


class Chain(nn.Module):
    """Convolutions with an activation between them."""

    def __init__(self, channels: int, out: int, activation=nn.ReLU, **options) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1),
            activation(),
            nn.Conv2d(6, 5, **({"kernel_size": 3, "padding": 1} | options)),
            activation(),
            nn.Conv2d(5, out, 5, padding=2),
        )


class UpscaleY(Chain):
    def forward(self, x):
        return functional.pixel_shuffle(self.layers(x) + x, 2)


class UpscaleRgb(Chain):
    def forward(self, x):
        subpixels = x.repeat_interleave(4, dim=1)
        return functional.pixel_shuffle(subpixels + self.layers(x), 2).clamp(0, 1)


class Denoise(Chain):
    def forward(self, x):
        return x - self.layers(x)


class DenoiseAdd(Chain):
    def forward(self, x):
        return x + self.layers(x)


class DenoiseTwice(Chain):
    def forward(self, x):
        return torch.sub(x, self.layers(x), alpha=2)


class DenoiseScaled(Chain):
    def forward(self, x):
        return self.layers(x).add(x, alpha=0.5)


class NoiseMinus(Chain):
    def forward(self, x):
        return 0.5 * self.layers(x) - x


def additions(model: nn.Module) -> int:
    names = [node.name for node in model.graph.nodes]
    return sum(name.startswith(("add", "sub")) for name in names)


@pytest.mark.slow
@pytest.mark.parametrize(
    "activation",
    [nn.ReLU, nn.ReLU6, nn.PReLU, lambda: nn.LeakyReLU(0.2), lambda: nn.ReLU(inplace=True)],
)
@pytest.mark.parametrize(
    ("kind", "channels", "out"),
    [
        (UpscaleY, 1, 4),
        (UpscaleRgb, 3, 12),
        (Denoise, 3, 3),
        (DenoiseAdd, 1, 1),
        (DenoiseTwice, 3, 3),
        (DenoiseScaled, 3, 3),
        (NoiseMinus, 2, 2),
    ],
)
@torch.no_grad()
def test_the_input_travels_through_the_chain(kind, channels, out, activation) -> None:
    model = kind(channels, out, activation)
    fused, certificate = fuse(model, torch.rand(1, channels, 9, 11), fold_skips=True)
    assert certificate.input_range == (0.0, 1.0)
    assert additions(fused) == 0
    widths = [part.out_channels for part in fused.modules() if isinstance(part, nn.Conv2d)]
    assert widths == [6 + channels, 5 + channels, out]
    x = torch.rand(2, channels, 7, 5)
    torch.testing.assert_close(fused(x), model(x.clone()), **MERGED)


@pytest.mark.slow
@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("activation", ["relu", "prelu", "leaky_relu"])
@torch.no_grad()
def test_enhance_net_without_feature_skips_folds(color, activation) -> None:
    config = EnhanceNetConfig(
        widths=(6, 6),
        skips=(),
        branches=five_branches(8),
        color=color,
        activation=activation,
    )
    net = EnhanceNet(config).eval()
    fused, certificate = fuse(net, torch.rand(1, color.channels, 9, 8), fold_skips=True)
    assert certificate.input_range == (0.0, 1.0)
    assert additions(fused) == 0
    x = torch.rand(1, color.channels, 13, 6)
    torch.testing.assert_close(fused(x), net(x), **MERGED_NETWORK)


def other_net(task: Task, scale: int, color: Color, activation: Activation) -> EnhanceNet:
    config = EnhanceNetConfig(
        task=task,
        scale=scale,
        widths=(6, 6),
        skips=(),
        branches=five_branches(8),
        color=color,
        activation=activation,
    )
    return EnhanceNet(config).eval()


@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("activation", ["relu", "prelu", "leaky_relu"])
@torch.no_grad()
def test_denoising_folds(color, activation) -> None:
    net = other_net(Task.DENOISING, 1, color, activation)
    fused, certificate = fuse(net, torch.rand(1, color.channels, 12, 8), fold_skips=True)
    assert certificate.input_range == (0.0, 1.0)
    assert additions(fused) == 0
    x = torch.rand(1, color.channels, 16, 6)
    torch.testing.assert_close(fused(x), net(x), **MERGED_NETWORK)


@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("scale", SCALES[Task.DOWN_SCALING])
@torch.no_grad()
def test_down_scaling_keeps_its_skip_with_the_reason(color, scale) -> None:
    net = other_net(Task.DOWN_SCALING, scale, color, "relu")
    example = torch.rand(1, color.channels, 4 * scale, 3 * scale)
    fused, certificate = fuse(net, example, fold_skips=True)
    assert certificate.input_range is None
    assert any("avg_pool2d does not pass" in refusal.reason for refusal in certificate.refusals)
    assert isinstance(fused, EnhanceNet)
    x = torch.rand(1, color.channels, 5 * scale, 2 * scale)
    torch.testing.assert_close(fused(x), net(x), **MERGED_NETWORK)


def test_without_the_option_nothing_is_folded() -> None:
    fused, certificate = fuse(Denoise(1, 1), torch.rand(1, 1, 9, 9))
    assert certificate.input_range is None
    assert not isinstance(fused, torch.fx.GraphModule)


class Scaled(Chain):
    def forward(self, x):
        features = torch.tanh(x)
        return features + self.layers(features)


class Upsampled(Chain):
    def forward(self, x):
        large = functional.interpolate(x, scale_factor=2, mode="bilinear")
        return functional.pixel_shuffle(self.layers(x), 2) + large


class Within(Chain):
    def forward(self, x):
        features = self.layers[1](self.layers[0](x))
        return x + self.layers[4](self.layers[3](self.layers[2](features + features.tanh())))


class Plain(Chain):
    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize(
    ("model", "channels", "reason"),
    [
        (Denoise(1, 1, nn.Sigmoid), 1, "Sigmoid.* does not pass"),
        (Denoise(1, 1, nn.Tanh), 1, "Tanh.* does not pass"),
        (Scaled(1, 1), 1, "range is unknown"),
        (Upsampled(1, 4), 1, "clamp at the border"),
        (Within(5, 5), 5, "the skip stays"),
        (Plain(1, 1), 1, "nothing is added"),
        (
            EnhanceNet(EnhanceNetConfig(widths=(4, 4, 4), skips=((0, 1),), activation="relu")),
            1,
            "a skip within",
        ),
    ],
)
def test_skips_that_cannot_be_folded_are_refused(model, channels, reason) -> None:
    model.eval()
    example = torch.rand(1, channels, 8, 8)
    _, certificate = fuse(model, example, fold_skips=True)
    assert certificate.input_range is None
    same, refusal = fold_skips(model, example)
    assert same is model
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(refusal.reason)
    assert any("skip" in each.reason or "added" in each.reason for each in certificate.refusals)


def test_an_example_outside_the_range_is_refused() -> None:
    model = Denoise(1, 1).eval()
    same, refusal = fold_skips(model, torch.rand(1, 1, 8, 8) - 0.5)
    assert same is model
    assert "outside [0, 1]" in refusal.reason


def test_folding_leaves_the_network_as_it_was() -> None:
    model = Denoise(2, 2, nn.PReLU).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    folded, refusal = fold_skips(model, torch.rand(1, 2, 8, 8))
    assert refusal is None
    assert folded is not model
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
