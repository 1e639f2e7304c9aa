"""What the comparison of a fused model with its original accepts, leaves out and refuses."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam import count_macs, fuse
from edge_sdk.reparam.proof.certificate import FLOAT32_TOLERANCE
from edge_sdk.reparam.proof.comparison import compare

EXAMPLE = torch.rand(1, 3, 9, 9)


class Of(nn.Module):
    """A function of the input, then a convolution with a BatchNorm."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)).eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self.function(x))


@torch.no_grad()
def scaled(scale: float) -> nn.Module:
    first, second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 3, padding=1)
    first.weight *= scale
    first.bias.fill_(scale)
    second.bias.zero_()
    return nn.Sequential(first, second).eval()


@pytest.mark.parametrize("scale", [1e-10, 1e-15, 1e-18, 1e-24, 1e-30, 1.0, 1e10])
def test_a_bias_before_zero_padding_is_refused_at_any_scale(scale) -> None:
    model = scaled(scale)
    fused, certificate = fuse(model, EXAMPLE)
    assert certificate.regions == ()
    assert any("a bias followed by zero padding" in each.reason for each in certificate.refusals)
    expected = model(EXAMPLE)
    largest = float(expected.abs().max())
    assert float((fused(EXAMPLE) - expected).abs().max()) <= FLOAT32_TOLERANCE * largest


def pair(original: nn.Module, fused: nn.Module):
    return ((torch.float64, original, fused), (torch.float32, original, fused))


def test_small_outputs_must_agree_as_closely_as_large_ones() -> None:
    def times(factor: float) -> nn.Module:
        return Function(lambda x: x * factor)

    for scale in (1.0, 1e-20, 1e-30):
        with pytest.raises(FusionError, match="differs from the original by"):
            compare(pair(times(scale), times(scale * 1.001)), (EXAMPLE,), 0, None)


class Function(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def test_an_output_of_zeros_needs_exactly_zeros() -> None:
    zero = Function(lambda x: 0 * x)
    assert compare(pair(zero, zero), (EXAMPLE,), 0, None).error_float64 == 0
    with pytest.raises(FusionError, match="differs from the original by inf"):
        compare(pair(zero, Function(lambda x: 0 * x + 1e-30)), (EXAMPLE,), 0, None)


def test_probes_outside_the_domain_of_the_model_are_left_out_and_listed() -> None:
    fused, certificate = fuse(Of(lambda x: x ** (1 / 2.2)), EXAMPLE)
    assert len(certificate.regions) == 1
    assert certificate.probes_left_out == ("normal noise",)
    assert "normal noise" not in certificate.probes
    assert {"uniform noise", "example", "zeros"} <= set(certificate.probes)
    assert bool(fused(EXAMPLE).isfinite().all())


def test_every_probe_is_compared_where_the_model_takes_any_number() -> None:
    assert fuse(Of(torch.relu), EXAMPLE)[1].probes_left_out == ()


def test_numbers_that_only_the_fused_model_has_not_are_an_error() -> None:
    original = Function(lambda x: x)
    wrong = Function(lambda x: torch.where(x < 0, math.nan, x))
    with pytest.raises(FusionError, match="differs from the original by nan"):
        compare(pair(original, wrong), (EXAMPLE,), 0, None)


def test_a_model_without_finite_numbers_for_noise_cannot_be_proved() -> None:
    with pytest.raises(InputError, match="not finite for the probe 'uniform noise'"):
        fuse(Of(lambda x: (x - 2).sqrt()), EXAMPLE + 3)


def test_a_model_not_finite_on_its_own_example_is_one_clear_error() -> None:
    with pytest.raises(InputError, match="not finite for its own example") as caught:
        fuse(Of(torch.log), EXAMPLE - 1)
    assert "\n" not in str(caught.value)


def test_inference_mode_counts_and_fuses_as_outside() -> None:
    class Activated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()

        def forward(self, x: Tensor) -> Tensor:
            return functional.relu(self.body(x), inplace=True)

    model = Activated()
    macs = count_macs(model, EXAMPLE)
    assert macs > 0
    with torch.inference_mode():
        assert count_macs(model, EXAMPLE) == macs
        example = EXAMPLE.clone()
        made_there = Activated()
        certificates = [fuse(each, example)[1] for each in (model, made_there)]
    for certificate in certificates:
        assert len(certificate.regions) == 1
        assert certificate.refusals == ()
        assert certificate.macs_before == certificate.macs_after == macs
