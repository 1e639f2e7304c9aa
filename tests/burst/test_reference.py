from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import choose_reference, gradient_score
from edge_sdk.burst.noise import estimate_noise_std
from edge_sdk.data.examples import PHOTOS, example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.registration.pyramid import gaussian_blur

BLURS = (0.0, 0.5, 0.8, 1.2, 2.0)


@functools.cache
def luma(name: str) -> Tensor:
    pytest.importorskip("skimage")
    return rgb_to_ycbcr(example_photo(name))[None, :1, :240, :320]


def smooth_picture() -> Tensor:
    x = torch.linspace(0, 1, 200)
    return (0.3 + 0.3 * x[None, :] + 0.1 * torch.sin(6 * x[:, None]))[None, None]


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("noise_std", [0.0, 8 / 255])
def test_the_score_falls_with_blur(name: str, noise_std: float) -> None:
    frames = torch.cat([gaussian_blur(luma(name), std) for std in BLURS])
    frames = frames + noise_std * torch.randn(frames.shape)
    choice = choose_reference(frames)
    assert choice.index == 0
    assert not choice.forced
    if noise_std == 0:
        assert list(choice.scores) == sorted(choice.scores, reverse=True)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("noise", [4, 8, 16])
def test_noise_is_not_sharpness(name: str, noise: int) -> None:
    clean = luma(name)
    noisy = gaussian_blur(clean, 0.8) + noise / 255 * torch.randn(clean.shape)
    assert choose_reference(torch.cat((noisy, clean))).index == 1


def test_the_score_of_noise_alone_is_nothing() -> None:
    noise_std = 0.03
    flat = 0.5 + noise_std * torch.randn(4, 1, 200, 200)
    scores = gradient_score(flat, torch.full((4,), noise_std))
    assert float(scores.abs().max()) < 0.05 * 20 * noise_std**2


def test_the_score_does_not_see_planes() -> None:
    x = torch.linspace(0, 1, 40)
    plane = (x[None, :] + 0.3 * x[:, None])[None, None]
    assert float(gradient_score(plane, torch.zeros(1))) == pytest.approx(0.0, abs=1e-10)


def test_the_score_of_a_wave_is_known() -> None:
    # The Laplacian of cos(ωx) is 2(1 − cos ω)·cos(ωx); its mean energy is 2(1 − cos ω)².
    frequency = torch.tensor(2 * torch.pi / 8)
    wave = torch.cos(frequency * torch.arange(82.0)).expand(1, 1, 20, 82)
    expected = 2 * (1 - torch.cos(frequency)) ** 2
    assert float(gradient_score(wave, torch.zeros(1))) == pytest.approx(float(expected), rel=1e-4)


def test_a_forced_reference_wins() -> None:
    frames = torch.rand(3, 1, 40, 40)
    choice = choose_reference(frames, forced=2)
    assert choice.index == 2
    assert choice.forced
    assert choice.scores == choose_reference(frames).scores


@pytest.mark.parametrize("forced", [-1, 3])
def test_a_reference_that_is_not_there(forced: int) -> None:
    with pytest.raises(InputError, match=f"reference {forced} is not one of the 3 frames"):
        choose_reference(torch.rand(3, 1, 40, 40), forced)


def test_equal_frames_give_the_first() -> None:
    assert choose_reference(torch.rand(1, 1, 40, 40).expand(3, -1, -1, -1)).index == 0


@pytest.mark.parametrize("noise", [1, 2, 4, 8, 16, 32])
def test_noise_on_smooth_pictures_is_measured(noise: int) -> None:
    frames = smooth_picture() + noise / 255 * torch.randn(5, 1, 200, 200)
    measured = 255 * estimate_noise_std(frames)
    assert measured.shape == (5,)
    torch.testing.assert_close(measured, torch.full((5,), float(noise)), rtol=0.15, atol=0)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_picture_has_no_noise(level: float) -> None:
    assert float(estimate_noise_std(torch.full((1, 1, 33, 40), level))) < 1e-6


def test_edges_in_part_of_the_picture_are_not_noise() -> None:
    frame = smooth_picture() + 4 / 255 * torch.randn(1, 1, 200, 200)
    frame[..., :100, :] += 0.3 * (torch.rand(1, 1, 100, 200) > 0.5)
    assert 255 * float(estimate_noise_std(frame)) == pytest.approx(4.0, rel=0.2)


def test_the_smallest_picture_has_an_estimate() -> None:
    assert estimate_noise_std(torch.rand(2, 1, 3, 3)).shape == (2,)
