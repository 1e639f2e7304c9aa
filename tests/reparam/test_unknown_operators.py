"""Sums with a factor, slices of channels, dropout; and operators of which nothing is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from edge_sdk.reparam import fuse
from edge_sdk.reparam.proof.certificate import Certificate
from tests.reparam.foreign_models import trained_looking
from tests.tolerances import MERGED_UNSCALED

EXAMPLE = torch.rand(1, 4, 9, 10, generator=torch.Generator().manual_seed(0))


class Own(nn.Module):
    def forward(self, x):
        return torch.roll(x, 1, 2)


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.left, self.right = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1)
        self.own = Own()
        self.shift = nn.Parameter(torch.randn(4, 1, 1))
        self.map = nn.Parameter(torch.randn(1, 1, 9, 10))


def fused_certificate(forward) -> Certificate:
    model = trained_looking(type("Model", (Layers,), {"forward": forward})())
    fused, certificate = fuse(model, EXAMPLE)
    x = torch.randn(2, *EXAMPLE.shape[1:])
    with torch.no_grad():
        torch.testing.assert_close(fused(x), model(x.clone()), **MERGED_UNSCALED)
    return certificate


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: torch.add(self.a(x), self.b(x), alpha=2),
        lambda self, x: self.a(x).sub(self.b(x), alpha=0.3),
        lambda self, x: self.a(x).sub_(self.b(x), alpha=-3),
        lambda self, x: self.b(torch.sub(self.shift, self.a(x), alpha=2.5)),
        lambda self, x: self.b(self.a(x).add(self.shift, alpha=3).subtract(1.5)),
        lambda self, x: self.left(x[:, :2]) + self.right(x[:, 2:]),
        lambda self, x: self.left(x[:, ::2]) - self.right(x[:, -2:]),
        lambda self, x: torch.cat([self.left(x[:, :2]), self.right(x[:, 2:])], 1),
        lambda self, x: self.b(functional.alpha_dropout(self.a(x), 0.5, self.training)),
        lambda self, x: self.b(functional.dropout2d(self.a(x), 0.5, False)),
    ],
)
def test_what_is_simple_becomes_one_convolution(forward) -> None:
    certificate = fused_certificate(forward)
    assert [region.branches for region in certificate.regions] == [2]
    assert certificate.refusals == ()


@pytest.mark.parametrize("dropout", [nn.AlphaDropout(), nn.FeatureAlphaDropout()])
def test_dropout_of_any_kind_is_nothing_in_evaluation(dropout) -> None:
    model = nn.Sequential(nn.Conv2d(4, 4, 3), dropout, nn.Conv2d(4, 2, 1)).eval()
    _, certificate = fuse(model, EXAMPLE)
    assert [region.branches for region in certificate.regions] == [2]


@pytest.mark.parametrize("place", [lambda part: part, nn.Sequential])
def test_data_parallel_models_are_looked_into(place) -> None:
    inner = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
    model = trained_looking(place(nn.DataParallel(inner)))
    fused, certificate = fuse(model, EXAMPLE)
    assert len(certificate.regions) == 1
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())
    with torch.no_grad():
        torch.testing.assert_close(fused(EXAMPLE), model(EXAMPLE), **MERGED_UNSCALED)


@pytest.mark.parametrize(
    ("forward", "refused"),
    [
        (
            lambda self, x: torch.stack([self.a(x), self.b(x)]).sum(0),
            {"a": "stack, which takes its result", "b": "stack, which takes its result"},
        ),
        (
            lambda self, x: self.b(self.a(x).permute(0, 1, 3, 2)),
            {"a": "permute, which takes its result", "b": "permute, which is its input"},
        ),
        (
            lambda self, x: self.b(self.own(self.a(x))),
            {"a": "roll, which takes its result", "b": "roll, which is its input"},
        ),
        (
            lambda self, x: self.left(self.a(x).chunk(2, 1)[0]),
            {
                "a": "chunk, which takes its result",
                "left": "this index, which is its input",
            },
        ),
        (
            lambda self, x: self.left(self.a(x)[:, [0, 2]]),
            {"a": "this index", "left": "this index"},
        ),
        (lambda self, x: self.b(self.a(x) + self.map), {"add": "differ from pixel to pixel"}),
        (lambda self, x: self.b(self.a(x) / self.map), {"truediv": "differ from pixel to pixel"}),
        (lambda self, x: torch.cat([self.a(x), self.b(x)], 2), {"cat": "another axis"}),
        (lambda self, x: torch.cat([self.a(x), self.map], 1), {"cat": "joins constants"}),
        (
            lambda self, x: torch.cat([self.a(x), torch.relu(self.b(x))], 1),
            {"cat": "joins results that come from different inputs"},
        ),
    ],
)
def test_what_is_not_understood_is_named(forward, refused) -> None:
    model = type("Model", (Layers,), {"forward": forward})().eval()
    _, certificate = fuse(model, EXAMPLE)
    found = {refusal.name: refusal.reason for refusal in certificate.refusals}
    assert found.keys() == refused.keys()
    for name, reason in refused.items():
        assert reason in found[name]


def test_unknown_layers_are_named_by_their_class() -> None:
    model = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ChannelShuffle(2), nn.BatchNorm2d(4)).eval()
    _, certificate = fuse(model, EXAMPLE)
    reasons = {refusal.name: refusal.reason for refusal in certificate.refusals}
    assert reasons["0"] == "ChannelShuffle, which takes its result, is not known to be linear"
    assert reasons["2"] == "ChannelShuffle, which is its input, is not known to be linear"


@pytest.mark.parametrize(
    "step",
    [
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.PixelShuffle(2),
        nn.Upsample(scale_factor=2),
        nn.GroupNorm(2, 4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ],
)
def test_steps_that_not_expected_to_merge_are_not_refused(step) -> None:
    _, certificate = fuse(nn.Sequential(nn.Conv2d(4, 4, 3), step).eval(), EXAMPLE)
    assert certificate.refusals == ()
