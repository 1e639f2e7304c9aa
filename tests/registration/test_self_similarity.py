"""A picture repeats where it looks like itself some pixels away, and an edge does not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration import EuclideanMotion
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.repetition.self_similarity import REACH_PX, periods
from tests.registration import waves
from tests.registration.charts import PERIODS, SCENES, Chart

STILL = EuclideanMotion(0.0, 0.0, 0.0)


def smooth(picture: Tensor) -> Tensor:
    return gaussian_blur(picture[None], 1.0)


@pytest.mark.parametrize("thing_px", [0.0, 24.0])
@pytest.mark.parametrize("period_px", PERIODS)
@pytest.mark.parametrize("name", SCENES)
def test_charts_repeat_by_their_period(name: str, period_px: float, thing_px: float) -> None:
    found = periods(smooth(Chart(name, period_px, thing_px).seen(STILL)))
    assert 1 <= len(found) <= 4
    points = centered_grid(60, 60, like=torch.zeros((), dtype=torch.float64))
    scene = SCENES[name]
    there = scene(points, period_px)
    for shift in found.double():
        # A whole shift may miss the period by a pixel.
        off = torch.cartesian_prod(*[torch.linspace(-1.0, 1.0, 9, dtype=torch.float64)] * 2)
        alike = [float((scene(points + shift + e, period_px) - there).abs().mean()) for e in off]
        assert min(alike) < 0.1
        assert float(shift.abs().max()) <= REACH_PX


def halves(angle_deg: float) -> Tensor:
    """One straight edge, softened."""
    across = EuclideanMotion(0.0, 0.0, angle_deg).matrix[0, :2]
    distance = centered_grid(120, 160, like=across) @ across
    return (0.5 + 0.3 * torch.tanh(distance)).float()[None]


@pytest.mark.parametrize(
    "picture",
    [
        halves(0.0),
        halves(37.0),
        torch.full((1, 120, 160), 0.5),
        torch.linspace(0, 1, 160).expand(1, 120, 160),
        0.5 + 0.03 * torch.randn(1, 120, 160, generator=torch.Generator().manual_seed(1)),
    ],
    ids=["edge", "slanted edge", "flat", "ramp", "noise"],
)
def test_edges_and_empty_pictures_do_not(picture: Tensor) -> None:
    noise = 0.005 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(2))
    for seen in (picture, picture + noise):
        assert len(periods(smooth(seen))) == 0


def test_neither_does_texture() -> None:
    assert len(periods(smooth(waves.view(noise_std=0.01)))) == 0


@pytest.mark.parametrize(("height", "width"), [(8, 200), (32, 32), (40, 300)])
def test_small_pictures_do_not_fail(height: int, width: int) -> None:
    picture = torch.rand(1, height, width, generator=torch.Generator().manual_seed(3))
    assert len(periods(smooth(picture))) == 0
