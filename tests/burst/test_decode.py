from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.burst.stages.decode import DEFAULT_HALO_PX, OWN_HALO_PX, Decode, DecodeConfig
from edge_sdk.burst.stages.noise_map import white_noise
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.imaging.color import LUMA_NOISE
from tests.examples import examples
from tests.tolerances import SINGLE

TILE = 52
HALO_PX = OWN_HALO_PX + DEFAULT_HALO_PX
INSIDE = TILE - 2 * HALO_PX


NOISE = white_noise(8 / 255)


def bilinear() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear")


def flat_sums(color: Tensor, weight: float) -> tuple[Tensor, Tensor, Tensor]:
    weights = torch.full((1, 4, TILE, TILE), weight)
    sums = weight * color.repeat_interleave(4).view(1, 12, 1, 1).expand(1, 12, TILE, TILE)
    return sums, weights, color.view(1, 3, 1, 1).expand(1, 3, TILE, TILE)


levels = st.floats(0, 1)


@examples(15)
@given(levels, levels, levels, st.sampled_from([0.0, 0.3, 1.0, 12.0]))
def test_a_constant_stays_constant(red: float, green: float, blue: float, weight: float) -> None:
    color = torch.tensor([red, green, blue])
    output = Decode(bilinear(), 8 / 255, 10)(*flat_sums(color, weight), NOISE)
    assert output.shape == (1, 3, 2 * INSIDE, 2 * INSIDE)
    torch.testing.assert_close(
        output, color.view(1, 3, 1, 1).expand_as(output), rtol=0, atol=0.5 / 255
    )


def test_without_any_weight_the_reference_is_enlarged() -> None:
    reference = torch.rand(1, 3, TILE, TILE)
    empty = torch.zeros(1, 12, TILE, TILE), torch.zeros(1, 4, TILE, TILE)
    output = Decode(bilinear(), 8 / 255, 1)(*empty, reference, NOISE)
    assert bool(torch.isfinite(output).all())
    # The best guess is the reference itself, a little sharpened.
    coarse = bilinear()(reference)[..., 2 * HALO_PX : -2 * HALO_PX, 2 * HALO_PX : -2 * HALO_PX]
    assert float((output - coarse).abs().mean()) < 0.1


def test_the_scale_of_the_weights_does_not_matter_where_there_is_much() -> None:
    sums = torch.rand(1, 12, TILE, TILE)
    weights = torch.ones(1, 4, TILE, TILE)
    reference = torch.rand(1, 3, TILE, TILE)
    decoder = Decode(bilinear(), 8 / 255, 10)
    torch.testing.assert_close(
        decoder(1e4 * sums, 1e4 * weights, reference, NOISE),
        decoder(1e5 * sums, 1e5 * weights, reference, NOISE),
        rtol=0,
        atol=1e-3,
    )


def test_the_halo_holds_all_that_a_tile_depends_on() -> None:
    side, extra = TILE + 20, 10
    sums, weights = torch.rand(1, 12, side, side), 0.5 + torch.rand(1, 4, side, side)
    reference = torch.rand(1, 3, side, side)
    decoder = Decode(bilinear(), 8 / 255, 10)
    large = decoder(sums, weights, reference, NOISE)
    cut = (..., slice(extra, -extra), slice(extra, -extra))
    small = decoder(sums[cut], weights[cut], reference[cut], NOISE)
    inside = large[..., 2 * extra : -2 * extra, 2 * extra : -2 * extra]
    torch.testing.assert_close(small, inside, **SINGLE)


def test_the_hold_back_keeps_noise_out() -> None:
    sums = 0.5 + 8 / 255 * torch.randn(1, 12, TILE, TILE)
    weights = torch.ones(1, 4, TILE, TILE)
    reference = torch.full((1, 3, TILE, TILE), 0.5)
    outputs = [
        rgb_to_ycbcr(
            Decode(bilinear(), 8 / 255, 4, DecodeConfig(shrinkage=hold))(
                sums, weights, reference, NOISE
            )
        )[:, 0].std()
        for hold in (0.0, 0.5, 5.0)
    ]
    assert outputs[0] > outputs[1] > outputs[2]


def test_more_noise_is_sharpened_less() -> None:
    quiet, noisy = (Decode(bilinear(), noise / 255, 10) for noise in (1, 20))
    gain_quiet, gain_noisy = (float(d.luma_filter.square().sum()) for d in (quiet, noisy))
    assert gain_noisy < gain_quiet


def test_filters_are_symmetric_and_keep_brightness_of_the_blur() -> None:
    decoder = Decode(bilinear(), 8 / 255, 10)
    for kernel in (decoder.blur, decoder.luma_filter, decoder.chroma_filter):
        torch.testing.assert_close(kernel, kernel.flip(-1, -2), rtol=0, atol=1e-6)
        torch.testing.assert_close(kernel, kernel.transpose(-1, -2), rtol=0, atol=1e-6)
    assert float(decoder.blur.sum()) == pytest.approx(1.0, abs=1e-5)


def test_luma_noise_is_that_of_luma() -> None:
    noise = torch.randn(3, 400, 400)
    measured = float(rgb_to_ycbcr(noise)[0].std())
    assert measured == pytest.approx(LUMA_NOISE, rel=0.01)
