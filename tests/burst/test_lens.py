"""The lens of a burst: what its spectrum says, who is asked first, and what must not matter."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.burst import LensSource, ZoomConfig, zoom
from edge_sdk.burst.lens.estimate import (
    FIRST_RING,
    LEAST_COMMON,
    MEAN_LOG_POWER,
    LensEstimate,
    lens_note,
    lens_of,
)
from edge_sdk.burst.lens.spectrum import (
    BLOCK_PX,
    RINGS,
    Spectrum,
    common_spectrum,
    modes_by_ring,
)
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr
from edge_sdk.imaging.filters import gaussian_blur
from tests.needs import needs

FREQUENCY = (torch.arange(RINGS, dtype=torch.float64) + 0.5) / RINGS
"""Of each ring, in cycles per pixel of a frame."""


def spectrum(
    lens_px: float, slope: float = 0.0, bend: float = 0.0, level: float = 1.0, noise: float = 0.0
) -> Spectrum:
    """What a scene leaves behind a lens, by the model itself."""
    log_power = torch.full((RINGS,), -12.0, dtype=torch.float64)
    rings = slice(FIRST_RING, FIRST_RING + len(MEAN_LOG_POWER))
    x = FREQUENCY[rings].log()
    x = x - x.mean()
    log_power[rings] = torch.tensor(MEAN_LOG_POWER, dtype=torch.float64) + slope * x
    log_power[rings] += bend * (x.square() - x.square().mean())
    log_power -= 4 * math.pi**2 * lens_px**2 * FREQUENCY.square()
    common = level * log_power.exp()
    return Spectrum(common, common + level * noise, 200)


def test_a_common_wave_is_found_in_its_ring_and_noise_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    place = torch.arange(320.0)
    cycles = 10.5 / (2 * RINGS)
    wave = torch.sin(2 * math.pi * cycles * place).expand(320, -1)
    first, second = (wave + torch.randn(320, 320, generator=generator) for _ in range(2))
    found = common_spectrum(first, second)
    assert int(found.common.argmax()) == 10
    elsewhere = torch.ones(RINGS, dtype=torch.bool)
    elsewhere[8:13] = False
    share = (found.common / found.own)[elsewhere]
    assert float(share.abs().max()) < 0.15
    assert float(found.common[10] / found.own[10]) > 0.9


def test_spectra_of_places_add_up() -> None:
    generator = torch.Generator().manual_seed(1)
    parts = [torch.rand(BLOCK_PX, BLOCK_PX, generator=generator) for _ in range(2)]
    one, two = (common_spectrum(part, part) for part in parts)
    both = one + two
    assert both.blocks == 2
    torch.testing.assert_close(both.common, one.common + two.common)
    torch.testing.assert_close(one.common, one.own)


def test_rings_hold_all_frequencies_up_to_nyquist() -> None:
    modes = modes_by_ring()
    assert len(modes) == RINGS
    assert bool((modes > 0).all())
    # A quarter of a circle and a half, since the transform of real values has half the plane.
    assert float(modes.sum()) == pytest.approx(math.pi / 8 * BLOCK_PX**2, rel=0.08)


@given(
    lens=st.floats(0.3, 0.9),
    slope=st.floats(-0.6, 0.6),
    bend=st.floats(-0.3, 0.3),
    level=st.floats(1e-3, 1e3),
)
def test_scenes_that_the_model_knows_hide_no_lens(
    lens: float, slope: float, bend: float, level: float
) -> None:
    found = lens_of(spectrum(lens, slope, bend, level))
    assert found.source is LensSource.MEASURED
    # On a grid of all these: 0.137 px and 1.06 spreads at most, where slope and bend are steepest.
    assert abs(found.std_px - lens) < 0.15
    assert abs(found.std_px - lens) < 1.25 * found.spread_px
    other = lens_of(spectrum(lens, slope, bend))
    assert found.std_px == pytest.approx(other.std_px, abs=1e-3)


def test_more_noise_makes_the_estimate_less_certain() -> None:
    spreads = [lens_of(spectrum(0.5, noise=noise)).spread_px for noise in (0.0, 0.02, 0.2)]
    assert spreads == sorted(spreads)
    assert spreads[0] < 0.1 < spreads[-1]


@pytest.mark.parametrize("lens", [0.0, 0.3, 0.6])
def test_what_says_nothing_leaves_a_sharp_lens(lens: float) -> None:
    found = lens_of(spectrum(lens, noise=2.0))
    assert abs(found.std_px - 0.3) < 0.1


def test_blocks_that_are_not_used_do_not_count() -> None:
    first, second = (torch.rand(160, 128, generator=torch.manual_seed(seed)) for seed in (0, 1))
    used = torch.zeros(4, 3, dtype=torch.bool)
    used[1, 2] = True
    found = common_spectrum(first, second, used)
    corner = (slice(BLOCK_PX // 2, 3 * BLOCK_PX // 2), slice(BLOCK_PX, 2 * BLOCK_PX))
    alone = common_spectrum(first[corner], second[corner])
    assert found.blocks == alone.blocks == 1
    torch.testing.assert_close(found.common, alone.common, rtol=1e-5, atol=0)


def test_what_shows_nothing_in_common_has_an_assumed_lens() -> None:
    known = spectrum(0.3)
    lost = replace(known, common=known.own * LEAST_COMMON / 2)
    assert lens_of(lost).source is LensSource.ASSUMED
    flat = torch.full((4, 3, 96, 96), 0.5)
    assert zoom(flat).lens.source is LensSource.ASSUMED
    assert zoom(torch.rand(1, 3, 64, 64)).lens == LensEstimate(0.3, 0.29, LensSource.ASSUMED)
    assert zoom(torch.rand(3, 3, 32, 32)).lens.source is LensSource.ASSUMED


def test_a_scene_like_no_photograph_has_an_assumed_lens() -> None:
    rings = torch.arange(RINGS)
    comb = replace(spectrum(0.3), common=spectrum(0.3).common * (1 + 9 * (rings % 2)))
    assert lens_of(replace(comb, own=comb.common)).source is LensSource.ASSUMED


def test_soft_points_are_not_taken_for_a_soft_lens() -> None:
    assert lens_of(spectrum(0.8)).source is LensSource.MEASURED
    assert lens_of(spectrum(0.8, slope=2.0)).source is LensSource.ASSUMED


@needs("examples")
def test_blobs_on_black_stay_as_they_are() -> None:
    place = torch.arange(260.0)
    generator = torch.Generator().manual_seed(0)
    sky = torch.zeros(260, 320)
    for x, y, light in torch.rand(90, 3, generator=generator).tolist():
        across = (torch.arange(320.0) - 320 * x).square()
        sky += light * torch.exp(-((place - 260 * y).square()[:, None] + across) / (2 * 1.6**2))
    burst = simulate_burst(
        sky.clamp(0, 1).expand(3, -1, -1), CameraConfig(frames=6, noise_std=5 / 255)
    )
    found = zoom(burst.frames, config=ZoomConfig(reference=0))
    known = zoom(burst.frames, config=ZoomConfig(reference=0, lens_std_px=0.3))
    truth = burst.truth(0)
    assert psnr(found.pixels, truth) > psnr(known.pixels, truth) - 0.1


def test_a_given_lens_is_not_measured() -> None:
    frames = torch.rand(1, 3, 48, 48)
    found = zoom(frames, config=ZoomConfig(lens_std_px=0.6)).lens
    assert found == LensEstimate(0.6, 0.0, LensSource.GIVEN)


@pytest.mark.slow
@needs("examples")
@pytest.mark.parametrize("name", ["coffee", "astronaut", "chelsea"])
@pytest.mark.parametrize("noise", [2, 10])
def test_lenses_of_one_scene_come_in_order(name: str, noise: int) -> None:
    photograph = example_photo(name)[:, 20:280, 60:380]
    found = []
    for lens in (0.1, 0.45, 0.8):
        camera = CameraConfig(frames=8, lens_std_px=lens, noise_std=noise / 255)
        found.append(zoom(simulate_burst(photograph, camera).frames).lens)
    values = [each.std_px for each in found]
    assert values[0] + 0.05 < values[1] < values[2] - 0.05
    assert all(each.source is LensSource.MEASURED for each in found)


@pytest.mark.slow
@needs("examples")
def test_a_burst_out_of_focus_has_a_wider_lens() -> None:
    frames = simulate_burst(example_photo("coffee")[:, :260, :320], CameraConfig(frames=6)).frames
    soft = gaussian_blur(frames, 0.8)
    assert zoom(soft).lens.std_px > zoom(frames).lens.std_px + 0.2


@pytest.mark.slow
@needs("examples")
def test_where_other_frames_show_something_else_the_reference_does_not_stand_in() -> None:
    camera = CameraConfig(frames=4, lens_std_px=0.6, noise_std=10 / 255)
    frames = simulate_burst(example_photo("coffee")[:, :260, :320], camera).frames
    clean = zoom(frames, config=ZoomConfig(reference=0)).lens
    moved = frames.clone()
    for top, left in ((40, 60), (70, 20)):
        part = (..., slice(top, top + 40), slice(left, left + 40))
        moved[1:][part] = moved[1:][part].flip(-1)
    found = zoom(moved, config=ZoomConfig(reference=0)).lens
    assert abs(found.std_px - clean.std_px) < found.spread_px


@needs("examples")
def test_the_order_of_the_frames_does_not_matter() -> None:
    frames = simulate_burst(example_photo("coffee")[:, :200, :240], CameraConfig(frames=5)).frames
    forth = zoom(frames, config=ZoomConfig(reference=0)).lens
    back = zoom(frames[[0, 4, 3, 2, 1]], config=ZoomConfig(reference=0)).lens
    assert forth.std_px == pytest.approx(back.std_px, abs=1e-3)


def test_stages_of_another_scale_leave_the_lens_to_pytorch_and_say_so() -> None:
    measured = LensEstimate(0.5, 0.1, LensSource.MEASURED)
    said = lens_note(measured, 3)
    assert "measured in PyTorch" in said
    assert "a phone that has these alone takes 0.3 px" in said
    assert lens_note(measured, 2) == lens_note(measured, None) == ""
    assert lens_note(replace(measured, source=LensSource.GIVEN), 3) == ""
    assert lens_note(replace(measured, source=LensSource.ASSUMED), 4) == ""
