"""Observers choose ranges inside what was seen, and the error criterion is kept."""

from __future__ import annotations

import pytest
import torch

from edge_sdk.errors import InputError
from edge_sdk.quantization.calibrate import BINS, Histogram
from edge_sdk.quantization.observers import OBSERVERS, choose_codes
from edge_sdk.quantization.scheme import Affine


def seen_of(values: torch.Tensor) -> Histogram:
    low, high = float(values.min()), float(values.max())
    return Histogram(low, high, torch.histc(values, BINS, low, high).double())


def squared_error(values: torch.Tensor, codes: Affine) -> float:
    steps = ((values / codes.scale).round() + codes.zero_point).clamp(-128, 127)
    return float((codes.scale * (steps - codes.zero_point) - values).square().sum())


@pytest.fixture
def heavy_tail() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(200_000, generator=generator, dtype=torch.float64) ** 3


def test_least_error_beats_the_other_observers(heavy_tail: torch.Tensor) -> None:
    seen = seen_of(heavy_tail)
    errors = {name: squared_error(heavy_tail, choose_codes(seen, name)) for name in OBSERVERS}
    assert errors["mse"] < 0.9 * errors["min-max"]
    assert errors["mse"] <= errors["percentile"]


def test_percentile_leaves_the_tails_out(heavy_tail: torch.Tensor) -> None:
    codes = choose_codes(seen_of(heavy_tail), "percentile")
    outside = float(((heavy_tail < codes.low) | (heavy_tail > codes.high)).double().mean())
    assert 1e-5 < outside < 4e-4


def test_min_max_covers_all(heavy_tail: torch.Tensor) -> None:
    codes = choose_codes(seen_of(heavy_tail), "min-max")
    assert codes.low <= float(heavy_tail.min()) + codes.scale
    assert codes.high >= float(heavy_tail.max()) - codes.scale


@pytest.mark.parametrize("observer", OBSERVERS)
@pytest.mark.parametrize("value", [0.0, 0.7, -3.0])
def test_a_constant_is_kept(observer: str, value: float) -> None:
    counts = torch.zeros(BINS, dtype=torch.float64)
    counts[0] = 9
    seen = Histogram(value, value, counts)
    codes = choose_codes(seen, observer)
    assert squared_error(torch.tensor([value]), codes) <= codes.scale**2


def test_an_unknown_observer_is_named() -> None:
    with pytest.raises(InputError, match="'median'; choose one of: min-max"):
        choose_codes(seen_of(torch.arange(5.0)), "median")  # type: ignore[arg-type]


def test_what_an_activation_damps_may_be_coarse() -> None:
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(100_000, generator=generator, dtype=torch.float64)
    values[:5000] = -6.0 * torch.rand(5000, generator=generator, dtype=torch.float64)

    def leaky(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.leaky_relu(x, 0.1)

    def error(codes: Affine) -> float:
        return float((leaky(codes.rounded(values)) - leaky(values)).square().sum())

    seen = seen_of(values)
    alone, read = choose_codes(seen, "mse"), choose_codes(seen, "mse", leaky)
    assert error(read) < 0.95 * error(alone)
    assert read.scale < alone.scale
    assert choose_codes(seen, "mse", torch.clone) == alone
