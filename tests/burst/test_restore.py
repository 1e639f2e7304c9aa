from __future__ import annotations

import pytest
import torch

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.stages.noise_map import white_noise
from edge_sdk.burst.stages.restore import Restore
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import psnr
from tests.needs import needs
from tests.tolerances import SINGLE

pytestmark = needs("examples")

TILE = 40


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3])
def test_the_stage_exports_and_computes_the_same(scale: int) -> None:
    inputs = (
        torch.rand(1, 3 * scale**2, TILE, TILE),
        0.5 + torch.rand(1, scale**2, TILE, TILE),
        torch.rand(1, 3, TILE, TILE),
        white_noise(8 / 255),
    )
    restore = Restore(scale, 8 / 255, 10).eval()
    found = torch.export.export(restore, inputs, strict=True).module()(*inputs)
    torch.testing.assert_close(found, restore(*inputs), **SINGLE)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_halo_holds_all_that_a_tile_depends_on(scale: int) -> None:
    restore = Restore(scale, 8 / 255, 10)
    side, extra = 2 * restore.halo_px + 40, 10
    sums = torch.rand(1, 3 * scale**2, side, side)
    weights = 0.5 + torch.rand(1, scale**2, side, side)
    reference = torch.rand(1, 3, side, side)
    large = restore(sums, weights, reference, white_noise(8 / 255))
    cut = (..., slice(extra, -extra), slice(extra, -extra))
    small = restore(sums[cut], weights[cut], reference[cut], white_noise(8 / 255))
    assert small.shape[-1] == scale * (side - 2 * extra - 2 * restore.halo_px)
    margin = scale * extra
    inside = large[..., margin:-margin, margin:-margin]
    torch.testing.assert_close(small, inside, **SINGLE)


@pytest.mark.slow
@pytest.mark.parametrize("net", [False, True])
def test_a_known_blur_of_the_lens_is_undone(net: bool) -> None:
    config = CameraConfig(frames=6, lens_std_px=0.7, noise_std=2 / 255)
    burst = simulate_burst(example_photo("coffee")[:, 60:260, 150:350], config)
    network = torch.nn.Upsample(scale_factor=2, mode="bilinear") if net else None
    found = [
        psnr(
            zoom(
                burst.frames,
                network,
                ZoomConfig(reference=0, lens_std_px=lens),
            ).pixels,
            burst.truth(0),
        )
        for lens in (0.3, 0.7)
    ]
    assert found[1] > found[0] + 0.3


@pytest.mark.parametrize("lens", [-0.1, 1.1, float("nan")])
def test_a_blur_that_cannot_be_undone(lens: float) -> None:
    with pytest.raises(InputError, match="lens blur"):
        ZoomConfig(lens_std_px=lens)
