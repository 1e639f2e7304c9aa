from __future__ import annotations

import dataclasses
import functools

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import choose_reference, gradient_score
from edge_sdk.burst.reference.choice import laplacian_energy
from edge_sdk.burst.reference.gradient_energy import GradientEnergy, gradient_energy
from edge_sdk.burst.reference.noise import estimate_noise_std
from edge_sdk.data.camera.developing import Developing, develop
from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr, srgb_to_linear
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.imaging.rectangle import Rectangle
from tests.needs import needs

pytestmark = needs("examples")

BLURS = (0.0, 0.5, 0.8, 1.2, 2.0)


@functools.cache
def luma(name: str) -> Tensor:
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


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("noise", [8, 16, 32])
def test_a_noisy_frame_is_not_chosen_for_its_noise(name: str, noise: int) -> None:
    # All frames are alike but for the noise: the largest score must not be the noisy frame's.
    clean = luma(name) + 2 / 255 * torch.randn(4, 1, 240, 320)
    noisy = luma(name) + noise / 255 * torch.randn(4, 1, 240, 320)
    choice = choose_reference(torch.cat((noisy, clean)))
    assert choice.index >= 4
    assert max(choice.scores[:4]) < 0.95 * min(choice.scores[4:])


@pytest.mark.parametrize("name", PHOTOS)
def test_smooth_noise_is_not_sharpness(name: str) -> None:
    # What demosaicing and JPEG leave of noise is smooth; the finest level hardly sees it.
    how = Developing(0.0, SensorNoise(32.0), True, (2.0, 1.6), 93)
    light = srgb_to_linear(example_photo(name)[:, :240, :320])
    quiet = dataclasses.replace(how, sensor=SensorNoise(2.0))
    generator = torch.Generator().manual_seed(0)
    frames = [develop(light, camera, generator) for camera in (how, quiet)]
    assert choose_reference(rgb_to_ycbcr(torch.stack(frames))[:, :1]).index == 1


def test_a_long_shake_is_worse_than_a_short_one() -> None:
    # In a row of two blurs that leave nothing on the finest level only coarser ones can tell.
    frames = torch.cat([gaussian_blur(luma("coffee"), std) for std in (3.0, 4.0, 6.0)])
    frames = frames + 8 / 255 * torch.randn(frames.shape)
    scores = gradient_score(frames).tolist()
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("noise", [2, 8, 32])
def test_noise_alone_scores_nothing_on_any_level(noise: int) -> None:
    flat = 0.5 + noise / 255 * torch.randn(1, 400, 400)
    energy = gradient_energy(flat)
    assert energy.noise.shape == (4,)
    assert energy.score < 0.02 * float(energy.noise.sum())
    # 1 + 1 + 1 + 1 + 4² on the finest level.
    assert float(energy.noise[0]) == pytest.approx(20 * (noise / 255) ** 2, rel=0.05)
    bound = 0.15 * energy.noise
    assert bool((energy.signal < bound).all())


def test_the_score_is_what_a_wiener_filter_gives_back() -> None:
    energy = GradientEnergy(torch.tensor([3.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 5.0]))
    assert energy.score == pytest.approx(3 + 0.5)
    assert GradientEnergy(torch.zeros(2), torch.zeros(2)).score == 0.0


def test_drawings_are_ranked_too() -> None:
    # Their edges are taken for noise in part, but in all frames alike.
    drawing = torch.full((1, 1, 200, 200), 0.2)
    drawing[..., 80:100, 80:100] = 0.7
    scores = gradient_score(torch.cat([gaussian_blur(drawing, std) for std in BLURS])).tolist()
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


def test_clipped_areas_do_not_hide_noise() -> None:
    grain = 0.03 * torch.randn(1, 200, 200)
    grain[:, :80] = 0.0
    energy = gradient_energy(0.5 + grain)
    assert energy.score < 0.05 * float(energy.noise.sum())


@pytest.mark.parametrize("side", [3, 15, 16, 31, 40])
def test_small_frames_are_scored(side: int) -> None:
    scores = gradient_score(torch.rand(2, 1, side, side + 3))
    assert bool(torch.isfinite(scores).all())


def test_only_the_region_counts() -> None:
    sharp = luma("coffee")
    left = sharp.clone()
    left[..., 160:] = gaussian_blur(sharp, 2.0)[..., 160:]
    right = sharp.clone()
    right[..., :160] = gaussian_blur(sharp, 2.0)[..., :160]
    frames = torch.cat((left, right)) + 4 / 255 * torch.randn(2, 1, 240, 320)
    assert (
        choose_reference(frames, region=Rectangle(left=10, top=20, width=130, height=200)).index
        == 0
    )
    assert (
        choose_reference(frames, region=Rectangle(left=175, top=20, width=140, height=200)).index
        == 1
    )
    whole = choose_reference(frames, region=Rectangle(left=0, top=0, width=320, height=240))
    assert whole == choose_reference(frames)


@pytest.mark.parametrize(
    "region", ["-1,0,20,20", "0,0,15,20", "30,0,20,20", "0,21,20,20", "0,0,0,0"]
)
def test_a_region_outside_the_frame(region: str) -> None:
    with pytest.raises(InputError, match="crop"):
        choose_reference(torch.rand(2, 1, 40, 40), region=Rectangle.parse(region))


def test_the_energy_of_noise_alone_is_nothing() -> None:
    noise_std = 0.03
    flat = 0.5 + noise_std * torch.randn(4, 1, 200, 200)
    energies = laplacian_energy(flat, torch.full((4,), noise_std))
    assert float(energies.abs().max()) < 0.05 * 20 * noise_std**2


def test_the_score_does_not_see_planes() -> None:
    x = torch.linspace(0, 1, 40)
    plane = (x[None, :] + 0.3 * x[:, None])[None, None]
    assert float(laplacian_energy(plane, torch.zeros(1))) == pytest.approx(0.0, abs=1e-10)
    inside = gradient_energy(plane[0])
    assert float(inside.signal[0]) < 1e-10


def test_the_energy_of_a_wave_is_known() -> None:
    # The Laplacian of cos(ωx) is 2(1 − cos ω)·cos(ωx); its mean energy is 2(1 − cos ω)².
    frequency = torch.tensor(2 * torch.pi / 8)
    wave = torch.cos(frequency * torch.arange(82.0)).expand(1, 1, 20, 82)
    expected = 2 * (1 - torch.cos(frequency)) ** 2
    energy = laplacian_energy(wave, torch.zeros(1))
    assert float(energy) == pytest.approx(float(expected), rel=1e-4)


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


def burst_of(name: str, count: int, noise: float = 3 / 255) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    clean = luma(name)
    moved = [torch.roll(clean, (2 * i - 4, 3 - 2 * i), (-2, -1)) for i in range(count)]
    frames = torch.cat(moved)
    return (frames + noise * torch.randn(frames.shape, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "part",
    [(slice(None), slice(0, 160)), (slice(100, 140), slice(None)), (slice(0, 48), slice(0, 64))],
)
def test_a_frame_that_lost_a_part_is_not_chosen_for_its_border(
    name: str, value: float, part
) -> None:
    frames = burst_of(name, 5)
    before = choose_reference(frames)
    for index in (before.index, (before.index + 1) % 5):
        damaged = frames.clone()
        damaged[index, 0][part] = value
        choice = choose_reference(damaged)
        # What a small part takes from the score is within what its noise floor may vary by.
        assert (
            choice.scores[index] < (1.0 if choice.lost[index] > 0.2 else 1.1) * before.scores[index]
        )
        assert choice.index != index or choice.lost[index] < 0.2
        assert choice.lost[index] > 0.025
        assert sum(choice.lost) == choice.lost[index]
        others = [i for i in range(5) if i != index]
        assert [choice.scores[i] for i in others] == [before.scores[i] for i in others]


def test_a_few_flat_blocks_are_not_lost() -> None:
    frames = burst_of(PHOTOS[0], 4)
    whole = choose_reference(frames)
    frames = frames.clone()
    # One value in two blocks that touch, as JPEG leaves it in the dark, and in another.
    frames[1, :, 40:50, 64:82] = frames[1, :, 80:90, 24:34] = 0.25
    found = choose_reference(frames)
    assert found.lost == (0.0,) * 4
    others = [index for index in range(4) if index != 1]
    assert [found.scores[index] for index in others] == [whole.scores[index] for index in others]
    assert found.scores[1] == pytest.approx(float(gradient_score(frames[1:2])))


def test_what_all_frames_show_as_one_value_is_not_lost() -> None:
    frames = burst_of("coffee", 4)
    frames[:, :, 60:180, 100:250] = 1.0
    choice = choose_reference(frames)
    assert choice.lost == (0.0,) * 4
    energies = [gradient_energy(frame) for frame in frames]
    assert choice.scores == tuple(energy.score for energy in energies)


def test_a_clipped_area_may_move_with_the_hand() -> None:
    frames = burst_of("coffee", 5)
    for index in range(5):
        frames[index, :, 60 + 3 * index : 160 + 3 * index, 100 - 3 * index : 230 - 3 * index] = 1.0
    assert max(choose_reference(frames).lost) == 0.0


@pytest.mark.parametrize("side", [3, 15, 16, 31, 40])
def test_blocks_hold_the_energy_of_the_frame(side: int) -> None:
    energy = gradient_energy(torch.rand(1, side, side + 3))
    nothing = torch.zeros_like(energy.flat)
    assert torch.equal(energy.without(nothing).signal, energy.signal)
    assert energy.without(~nothing).score <= energy.score
    for signal, noise, blocks in zip(energy.signal, energy.noise, energy.blocks, strict=True):
        if float(signal) > 0:
            assert float(blocks.sum()) == pytest.approx(float(signal + noise), rel=1e-4)
