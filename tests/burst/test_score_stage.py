"""Stage ``score``: the energies that choose the reference, by tiles."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.burst.reference.gradient_energy import gradient_energy, laplacian
from edge_sdk.burst.stages.score import PackedScore, Score
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.imaging.filters import gaussian_blur
from tests.needs import needs
from tests.tolerances import SINGLE


def picture(height: int = 90, width: int = 130, seed: int = 0) -> Tensor:
    noise = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(seed))
    return gaussian_blur(noise, 1.5)[0]


def test_blocks_are_means_of_the_squared_laplacian() -> None:
    level = torch.rand(1, 1, 34, 50, generator=torch.Generator().manual_seed(1))
    expected = torch.nn.functional.avg_pool2d(laplacian(level).square(), 8)
    torch.testing.assert_close(Score()(level, torch.ones(1, 1, 32, 48)), expected, **SINGLE)


def test_four_tiles_give_the_blocks_of_one() -> None:
    level = picture(34, 50)[None]
    shown = (torch.rand(1, 1, 32, 48, generator=torch.Generator().manual_seed(2)) > 0.3).float()
    whole = Score()(level, shown)
    rows = []
    for top in (0, 16):
        tiles = [
            Score()(
                level[..., top : top + 18, left : left + 26],
                shown[..., top : top + 16, left : left + 24],
            )
            for left in (0, 24)
        ]
        rows.append(torch.cat(tiles, 3))
    torch.testing.assert_close(torch.cat(rows, 2), whole, rtol=0.0, atol=0.0)


def test_what_is_masked_counts_for_nothing_and_packed_is_the_same() -> None:
    level, shown = picture(34, 34)[None], torch.ones(1, 1, 32, 32)
    shown[..., :8, :8] = 0.0
    found = Score()(level, shown)
    assert float(found[0, 0, 0, 0]) == 0.0
    margin = torch.nn.functional.pad(shown, (1, 1, 1, 1))
    packed = torch.cat((level, margin), 1)
    torch.testing.assert_close(PackedScore()(packed), found, rtol=0.0, atol=0.0)


@pytest.mark.parametrize(("height", "width"), [(90, 130), (64, 64), (47, 203), (300, 40)])
def test_strips_of_rows_are_the_whole(height: int, width: int) -> None:
    luma = picture(height, width)
    found = gradient_energy(luma)
    square = laplacian(luma[None]).square()
    assert float(found.signal[0] + found.noise[0]) == pytest.approx(float(square.mean()), rel=1e-5)
    even = luma[None, :, : height // 2 * 2, : width // 2 * 2]
    coarse = gaussian_blur(torch.nn.functional.avg_pool2d(even, 2), 0.5)
    expected = laplacian(coarse).square()[..., 2:-2, 2:-2].mean()
    # The edge of a coarser level sees what lies beyond the finer one's.
    assert float(found.signal[1] + found.noise[1]) == pytest.approx(float(expected), rel=0.2)


@needs("examples")
def test_the_sharper_frame_wins() -> None:
    luma = rgb_to_ycbcr(example_photo("coffee")[None])[0, :1]
    generator = torch.Generator().manual_seed(3)
    scores = [
        gradient_energy(
            gaussian_blur(luma[None], std)[0] + 0.03 * torch.randn(luma.shape, generator=generator)
        ).score
        for std in (0.3, 0.8, 1.6)
    ]
    assert scores == sorted(scores, reverse=True)
