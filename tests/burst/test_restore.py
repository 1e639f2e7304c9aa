from __future__ import annotations

import pytest
import torch

from edge_sdk.burst.restore import Restore

TILE = 40


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3])
def test_the_stage_exports_and_computes_the_same(scale: int) -> None:
    inputs = (
        torch.rand(1, 3 * scale**2, TILE, TILE),
        0.5 + torch.rand(1, scale**2, TILE, TILE),
        torch.rand(1, 3, TILE, TILE),
    )
    restore = Restore(scale, 8 / 255, 10).eval()
    found = torch.export.export(restore, inputs, strict=True).module()(*inputs)
    torch.testing.assert_close(found, restore(*inputs), rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_halo_holds_all_that_a_tile_depends_on(scale: int) -> None:
    restore = Restore(scale, 8 / 255, 10)
    side, extra = 2 * restore.halo_px + 40, 10
    sums = torch.rand(1, 3 * scale**2, side, side)
    weights = 0.5 + torch.rand(1, scale**2, side, side)
    reference = torch.rand(1, 3, side, side)
    large = restore(sums, weights, reference)
    cut = (..., slice(extra, -extra), slice(extra, -extra))
    small = restore(sums[cut], weights[cut], reference[cut])
    assert small.shape[-1] == scale * (side - 2 * extra - 2 * restore.halo_px)
    margin = scale * extra
    inside = large[..., margin:-margin, margin:-margin]
    torch.testing.assert_close(small, inside, rtol=0, atol=1e-5)
