from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.burst.converted.packed import PackedBlend, PackedEncode, packed_numbers
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import HALO_PX, KERNEL_STD_PX, Encode
from edge_sdk.burst.stages.noise_map import LEVELS, white_noise
from edge_sdk.burst.stages.steering import SCALE as SLOPE_SCALE
from edge_sdk.burst.stages.steering import Steering, SteeringConfig, slopes
from edge_sdk.imaging.filters import gaussian_blur
from tests.examples import examples

TILE, SCALE = 40, 2
INSIDE = TILE - 2 * HALO_PX
NOISE = 8 / 255
STD = KERNEL_STD_PX[SCALE]


def offsets(x: float = 0.0, y: float = 0.0, side: int = TILE) -> Tensor:
    return torch.tensor([x, y]).view(1, 2, 1, 1).expand(1, 2, side, side)


def run(
    reference: Tensor,
    frame: Tensor,
    offset: Tensor | None = None,
    confidence: float = 1.0,
    noise_std: float = NOISE,
    scale: int = SCALE,
) -> tuple[Tensor, Tensor, Tensor]:
    side = reference.shape[-1]
    trust = torch.full((len(frame), 1, side, side), confidence)
    noise = white_noise(noise_std)
    offset = offsets(side=side).expand(len(frame), -1, -1, -1) if offset is None else offset
    sums, weights, agreement = Encode(scale)(reference, frame, offset, trust, None, noise)
    return sums, weights, agreement


def texture() -> Tensor:
    return gaussian_blur(torch.rand(1, 3, TILE, TILE), 0.8)


moves = st.floats(-0.5, 0.5)


@examples(20)
@given(moves, moves, st.floats(0, 1), st.sampled_from([1, 2, 3, 4]))
def test_a_constant_stays_constant(dx: float, dy: float, level: float, scale: int) -> None:
    flat = torch.full((1, 3, TILE, TILE), level)
    sums, weights, agreement = run(flat, flat, offsets(dx, dy), scale=scale)
    count = scale**2
    assert sums.shape == (1, 3 * count, INSIDE, INSIDE)
    assert weights.shape == (1, count, INSIDE, INSIDE)
    assert agreement.shape == (1, 1, INSIDE, INSIDE)
    for color in range(3):
        part = sums[:, count * color : count * (color + 1)]
        torch.testing.assert_close(part, level * weights, rtol=1e-5, atol=1e-6)


@given(moves, moves)
def test_weights_are_the_gaussians_of_the_distances(dx: float, dy: float) -> None:
    flat = torch.full((1, 3, TILE, TILE), 0.5)
    _, weights, _ = run(flat, flat, offsets(dx, dy))
    for row, phase_y in enumerate((-0.25, 0.25)):
        for column, phase_x in enumerate((-0.25, 0.25)):
            # A phase sees its own pixel and the next on each side, not the one across the corner.
            (own_x, next_x), (own_y, next_y) = (
                [
                    math.exp(-0.5 * ((near + move - phase) / STD) ** 2)
                    for near in (0.0, math.copysign(1.0, phase))
                ]
                for move, phase in ((dx, phase_x), (dy, phase_y))
            )
            expected = own_x * own_y + next_x * own_y + own_x * next_y
            found = weights[0, 2 * row + column]
            torch.testing.assert_close(
                found, torch.full_like(found, expected), rtol=1e-4, atol=1e-5
            )


def ramp(x_slope: float, y_slope: float, dx: float = 0.0, dy: float = 0.0) -> Tensor:
    axis = torch.arange(float(TILE)) - (TILE - 1) / 2
    plane = 0.5 + x_slope * (axis + dx)[None, :] + y_slope * (axis + dy)[:, None]
    return plane.expand(1, 3, TILE, TILE)


@pytest.mark.slow
@given(moves, moves, st.sampled_from([1, 2, 3, 4]))
def test_a_plane_is_exact_wherever_its_samples_lie(dx: float, dy: float, scale: int) -> None:
    slopes = (0.4 / TILE, 0.1 / TILE)
    sums, weights, agreement = run(
        ramp(*slopes), ramp(*slopes, dx, dy), offsets(dx, dy), scale=scale
    )
    assert float(agreement.min()) == 1.0
    fine = nn.functional.pixel_shuffle(sums[:, : scale**2], scale)
    fine = fine / nn.functional.pixel_shuffle(weights, scale)
    axis = (torch.arange(INSIDE * scale) - (INSIDE * scale - 1) / 2) / scale
    expected = 0.5 + slopes[0] * axis[None, :] + slopes[1] * axis[:, None]
    torch.testing.assert_close(fine[0, 0], expected, rtol=0, atol=1e-4)


def test_frames_together_are_the_sum_of_frames_alone() -> None:
    reference = texture()
    frames = torch.cat([reference + 0.01 * torch.randn(reference.shape) for _ in range(3)])
    offset = torch.rand(3, 2, TILE, TILE) - 0.5
    together = run(reference, frames, offset)
    alone = [run(reference, frames[i : i + 1], offset[i : i + 1]) for i in range(3)]
    for part in range(2):
        total = sum(entry[part] for entry in alone)
        torch.testing.assert_close(together[part], total, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(together[2], torch.cat([entry[2] for entry in alone]))


def test_the_kernel_is_narrow_across_an_edge_and_round_where_there_is_none() -> None:
    edge = torch.zeros(1, 3, TILE, TILE)
    edge[..., TILE // 2 :] = 0.8
    noise = torch.full((1, 1, 1, 1), (SLOPE_SCALE * NOISE) ** 2)
    module = Steering(STD, SteeringConfig(narrowing=0.4))

    def steering(picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return module(*slopes(picture), noise)

    xx, xy, yy = (part[0, 0, TILE // 2, TILE // 2 - 3] for part in steering(edge))
    assert float(xx) == pytest.approx(0.5 / (0.6 * STD) ** 2, rel=0.02)
    assert float(yy) == pytest.approx(0.5 / STD**2, rel=0.02)
    assert float(xy) == pytest.approx(0.0, abs=1e-3)
    flat = [float(part.mean()) for part in steering(torch.full_like(edge, 0.4))]
    assert flat == pytest.approx([0.5 / STD**2, 0.0, 0.5 / STD**2], abs=1e-3)
    turned = steering(edge.transpose(-1, -2))
    torch.testing.assert_close(turned[2].transpose(-1, -2), steering(edge)[0])


@pytest.mark.parametrize("noise_std", [0.0, NOISE])
def test_a_frame_agrees_with_itself(noise_std: float) -> None:
    picture = texture()
    _, _, agreement = run(picture, picture, noise_std=noise_std)
    assert torch.equal(agreement, torch.ones_like(agreement))


def test_noise_alone_is_not_a_ghost() -> None:
    scene = texture()
    reference, frame = (scene + NOISE * torch.randn(scene.shape) for _ in range(2))
    _, _, agreement = run(reference, frame)
    assert float(agreement.mean()) > 0.97


def test_a_ghost_is_left_out_and_nothing_else() -> None:
    side = 96
    scene = 0.4 + 0.1 * gaussian_blur(torch.rand(1, 3, side, side), 1.5)
    reference = scene + NOISE * torch.randn(scene.shape)
    frame = scene + NOISE * torch.randn(scene.shape)
    frame[..., 40:60, 40:60] += 0.25
    sums, weights, agreement = run(reference, frame)
    ghost = torch.zeros(side, side, dtype=torch.bool)
    ghost[40:60, 40:60] = True
    near = torch.zeros(side, side, dtype=torch.bool)
    near[35:65, 35:65] = True
    inner = (slice(HALO_PX, -HALO_PX), slice(HALO_PX, -HALO_PX))
    assert float(agreement[0, 0][ghost[inner]].max()) < 0.02
    assert float(agreement[0, 0][~near[inner]].mean()) > 0.93
    assert float(weights[0, :, ghost[inner]].max()) < 0.02
    assert float(sums[0, :, ghost[inner]].max()) < 0.02


def test_confidence_scales_everything() -> None:
    picture = texture()
    once, thrice = run(picture, picture), run(picture, picture, confidence=3.0)
    for one, three in zip(once, thrice, strict=True):
        torch.testing.assert_close(three, 3 * one)
    for nothing in run(picture, picture, confidence=0.0):
        assert float(nothing.abs().max()) == 0.0


@pytest.mark.slow
def test_the_stage_exports() -> None:
    picture = texture()
    inputs = (
        picture,
        picture,
        offsets().contiguous(),
        torch.ones(1, 1, TILE, TILE),
        torch.tensor([0.95, 0.002]).expand(1, 3, TILE, 2).contiguous(),
        white_noise(0.03),
    )
    encoder = Encode(SCALE).eval()
    exported = torch.export.export(encoder, inputs, strict=True)
    for expected, found in zip(encoder(*inputs), exported.module()(*inputs), strict=True):
        torch.testing.assert_close(found, expected)


def gains(side: int = TILE) -> Tensor:
    """Gain and offset by color and row, float32 [1, 3, side, 2]."""
    rows = torch.linspace(0.7, 1.4, side)
    gain = torch.stack((rows, rows.flip(0), torch.full_like(rows, 0.9)))
    return torch.stack((gain, 0.055 * gain - 0.055), -1)[None]


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_light_that_is_undone_in_the_stage_is_light_undone_before(scale: int) -> None:
    reference = 0.2 + 0.4 * texture()
    light, noise = gains(), white_noise(0.02)
    lit = (reference - light[..., 1:]) / light[..., :1] + 0.01 * torch.randn(reference.shape)
    trust, offset = torch.ones(1, 1, TILE, TILE), offsets(0.2, -0.3)
    # The gain decides how far noise may go; without noise both ways compare alike.
    quiet, encode = 0.0 * noise, Encode(scale)
    inside = encode(reference, lit, offset, trust, light, quiet)
    before = encode(reference, lit * light[..., :1] + light[..., 1:], offset, trust, None, quiet)
    assert float(inside[2].mean()) > 0.2
    for found, expected in zip(inside, before, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    steady = torch.tensor([1.0, 0.0]).expand(1, 3, TILE, 2)
    with_light = encode(reference, lit, offset, trust, steady, noise)
    for found, expected in zip(
        with_light, encode(reference, lit, offset, trust, None, noise), strict=True
    ):
        assert torch.equal(found, expected)


def test_white_of_a_brighter_frame_counts_for_nothing_and_black_stays_black() -> None:
    reference = torch.full((1, 3, TILE, TILE), 0.8)
    reference[..., TILE // 2 :] = 0.0
    frame = torch.ones_like(reference)
    frame[..., TILE // 2 :] = 0.0
    light = torch.tensor([0.75, 0.055 * 0.75 - 0.055]).expand(1, 3, TILE, 2)
    _, _, trust = Encode(1)(
        reference, frame, offsets(), torch.ones(1, 1, TILE, TILE), light, white_noise(0.01)
    )
    middle = trust.shape[-1] // 2
    assert float(trust[..., : middle - 4].max()) == 0
    assert float(trust[..., middle + 4 :].min()) == 1
    darker = torch.tensor([1.3, 0.055 * 1.3 - 0.055]).expand(1, 3, TILE, 2)
    white = torch.ones_like(reference)
    _, _, trust = Encode(1)(
        white, white, offsets(), torch.ones(1, 1, TILE, TILE), darker, white_noise(0.01)
    )
    assert float(trust.min()) == 1


@pytest.mark.parametrize("noisy", [0, 2])
def test_a_ghost_in_a_clean_color_is_seen_beside_a_noisy_one(noisy: int) -> None:
    noise = torch.full((1, 3, len(LEVELS), 2), 2 / 255)
    noise[:, noisy] = 16 / 255
    scene = torch.full((1, 3, TILE, TILE), 0.4)
    grain = noise[:, :, :1, :1] * torch.randn(2, 3, TILE, TILE)
    reference, frame = scene + grain[:1], scene + grain[1:]
    trust, steady = torch.ones(1, 1, TILE, TILE), offsets()
    _, _, agreement = Encode(2)(reference, frame, steady, trust, None, noise)
    assert float(agreement.mean()) > 0.6
    ghost = frame.clone()
    ghost[:, 1] += 12 / 255
    _, _, agreement = Encode(2)(reference, ghost, steady, trust, None, noise)
    assert float(agreement.mean()) < 0.05


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_packed_stages_compute_what_the_stages_do(scale: int) -> None:
    reference = 0.2 + 0.4 * texture()
    frame = (reference - gains()[..., 1:]) / gains()[..., :1] + 0.01 * torch.randn(reference.shape)
    offset, trust = torch.rand(1, 2, TILE, TILE) - 0.5, torch.rand(1, 1, TILE, TILE)
    noise = 0.01 + 0.05 * torch.rand(1, 3, len(LEVELS), 2)
    expected = Encode(scale)(reference, frame, offset, trust, gains(), noise)
    assert float(expected[2].mean()) > 0.1
    numbers = packed_numbers(gains(), noise, TILE, TILE)
    packed = torch.cat((reference, frame, offset, trust, numbers), 1)
    found = PackedEncode(Encode(scale))(packed)
    torch.testing.assert_close(found, torch.cat(expected, 1), rtol=1e-5, atol=1e-6)
    sums, weights, _ = expected
    inner = reference[..., HALO_PX:-HALO_PX, HALO_PX:-HALO_PX]
    numbers = packed_numbers(None, noise, INSIDE, INSIDE, lens_std_px=0.4)
    blended = PackedBlend(Blend(scale))(torch.cat((sums, weights, inner, numbers), 1))
    torch.testing.assert_close(
        blended, Blend(scale)(sums, weights, inner, noise, torch.full((1, 1, 1, 1), 0.4))
    )
