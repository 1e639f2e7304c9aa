"""The int8 graph: what it computes with are codes, and all else stays as it was."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.emulate.runtimes.eager import EagerRunner
from edge_sdk.errors import InputError
from edge_sdk.models import EnhanceNet
from edge_sdk.quantization import (
    OBSERVERS,
    Scheme,
    TuningConfig,
    agreement_db,
    apply_scheme,
    is_quantized,
    quantize,
    quantize_weights,
    tune,
)
from edge_sdk.quantization.calibrate import run_all
from tests.builders.smooth_pictures import smooth_pictures
from tests.tolerances import WHOLE_NUMBERS

EXAMPLE = torch.zeros(1, 1, 24, 24)


def codes_of(model: torch.fx.GraphModule, picture: Tensor) -> dict[str, Tensor]:
    nodes = [node for node in model.graph.nodes if "quantize_per_tensor" in str(node.target)]
    quantizing = [node for node in nodes if "dequantize" not in str(node.target)]
    return run_all(model, quantizing, picture)


@pytest.mark.parametrize("observer", OBSERVERS)
def test_int8_agrees_with_float(network: EnhanceNet, pictures: list[Tensor], observer: str) -> None:
    quantized = quantize(network, EXAMPLE, pictures[:6], observer)
    assert agreement_db(network, quantized.model, pictures[6:]) > 38


@pytest.mark.slow
def test_nothing_that_torch_deprecates_warns_the_user(
    network: EnhanceNet, pictures: list[Tensor]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        made = quantize(network, EXAMPLE, pictures[:2])
        tune(network, EXAMPLE, made.scheme, pictures[:2], TuningConfig(steps=1))
        EagerRunner(made.model, EXAMPLE)


def test_the_model_itself_is_untouched(network: EnhanceNet, pictures: list[Tensor]) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    quantized = quantize(network, EXAMPLE, pictures)
    assert is_quantized(quantized.model)
    assert not is_quantized(network)
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


@pytest.mark.slow
def test_pictures_of_8_bits_enter_and_leave_as_their_levels(
    network: EnhanceNet, pictures: list[Tensor]
) -> None:
    quantized = quantize(network, EXAMPLE, pictures)
    codes = list(codes_of(quantized.model, pictures[0]).values())
    torch.testing.assert_close(codes[0].float() + 128, pictures[0] * 255)
    with torch.no_grad():
        output = quantized.model(pictures[0])
    torch.testing.assert_close((output * 255).round(), output * 255, **WHOLE_NUMBERS)
    assert float(output.min()) >= 0
    assert float(output.max()) <= 1 + 1e-6


def test_weights_differ_by_half_a_step_at_most(network: EnhanceNet) -> None:
    quantized = quantize_weights(network, EXAMPLE)
    buffers = dict(quantized.model.named_buffers())
    for name, weight in network.state_dict().items():
        stem = name.replace(".", "_")
        if f"{stem}_int8" not in buffers:
            continue
        scales = buffers[f"{stem}_scales"].reshape(-1, 1, 1, 1)
        codes = buffers[f"{stem}_int8"].float()
        assert float(((codes * scales - weight).abs() / scales).max()) <= 0.5 + 1e-4
        assert torch.equal(codes.abs().amax((1, 2, 3)), torch.full((len(codes),), 127.0))


def test_biases_are_multiples_of_both_scales(network: EnhanceNet, pictures: list[Tensor]) -> None:
    quantized = quantize(network, EXAMPLE, pictures)
    buffers = dict(quantized.model.named_buffers())
    scales = buffers["features_0_weight_scales"].double() * quantized.scheme.values["x"].scale
    bias = buffers["features_0_bias_rounded_conv2d"].double()
    steps = bias / scales
    torch.testing.assert_close(steps, steps.round(), atol=1e-2, rtol=0)


@pytest.mark.slow
def test_a_scheme_gives_the_same_model_again(network: EnhanceNet, pictures: list[Tensor]) -> None:
    first = quantize(network, EXAMPLE, pictures)
    again = apply_scheme(network, EXAMPLE, first.scheme)
    with torch.no_grad():
        assert torch.equal(first.model(pictures[0]), again.model(pictures[0]))


@pytest.mark.slow
def test_another_size_takes_the_same_scheme(network: EnhanceNet, pictures: list[Tensor]) -> None:
    first = quantize(network, EXAMPLE, pictures)
    again = apply_scheme(network, torch.zeros(1, 1, 12, 16), first.scheme)
    cut = pictures[0][:, :, :12, :16]
    with torch.no_grad():
        whole, part = first.model(pictures[0]), again.model(cut)
    assert torch.equal(whole[:, :, :12, :20], part[:, :, :12, :20])


@pytest.mark.slow
def test_all_layers_in_floating_point_are_the_float_model(
    network: EnhanceNet, pictures: list[Tensor]
) -> None:
    first = quantize(network, EXAMPLE, pictures)
    names = tuple(value.name for value in first.graph.values)
    float_scheme = replace(first.scheme, float_layers=names)
    again = apply_scheme(network, EXAMPLE, float_scheme)
    with torch.no_grad():
        assert torch.equal(again.model(pictures[0]), network(pictures[0]))


@pytest.mark.slow
def test_a_damaged_code_is_seen(network: EnhanceNet, pictures: list[Tensor]) -> None:
    first = quantize(network, EXAMPLE, pictures)
    # Those of a residual cover more than it needs, so that moving them may do no corruption.
    codes = first.scheme.values["features.0"]
    corrupted = replace(codes, zero_point=codes.zero_point + (60 if codes.zero_point < 0 else -60))
    scheme = replace(first.scheme, values={**first.scheme.values, "features.0": corrupted})
    worse = apply_scheme(network, EXAMPLE, scheme)
    whole = agreement_db(network, first.model, pictures)
    assert agreement_db(network, worse.model, pictures) < whole - 6


class Foreign(nn.Module):
    """Transposed, depthwise and grouped convolutions, a sigmoid and a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(3, 6, 3, padding=1, groups=3)
        self.up = nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.grouped = nn.Conv2d(4, 4, 3, groups=2, bias=False)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sigmoid(self.up(nn.functional.relu6(self.depthwise(x))))
        return self.head(self.grouped(x).mean((2, 3)))


def test_a_foreign_model_is_quantized() -> None:
    torch.manual_seed(0)
    model = Foreign().eval()
    pictures = smooth_pictures(4, seed=3, size=16, channels=3)
    quantized = quantize(model, pictures[0], pictures, picture_output=False)
    with torch.no_grad():
        exact = torch.cat([model(picture) for picture in pictures])
        rounded = torch.cat([quantized.model(picture) for picture in pictures])
    assert float((exact - rounded).abs().max()) < 0.03 * float(exact.abs().max())
    assert len([name for name, _ in quantized.model.named_buffers() if name.endswith("_int8")]) == 4


def test_no_pictures_and_other_sizes_are_refused(network: EnhanceNet) -> None:
    with pytest.raises(InputError, match="no pictures"):
        quantize(network, EXAMPLE, [])
    with pytest.raises(InputError, match="cut all to one shape"):
        quantize(network, EXAMPLE, [torch.zeros(1, 1, 8, 8)])


def test_a_picture_of_nan_is_refused(network: EnhanceNet) -> None:
    with pytest.raises(InputError, match="NaN"):
        quantize(network, EXAMPLE, [torch.full((1, 1, 24, 24), float("nan"))])


def test_the_scheme_of_another_model_is_refused(network: EnhanceNet) -> None:
    with pytest.raises(InputError, match="belongs to another model"):
        apply_scheme(network, EXAMPLE, Scheme())
