"""Stage ``score``: the energies that choose the reference, by tiles."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.burst.reference.gradient_energy import gradient_energy, laplacian
from edge_sdk.burst.reference.stage_energy import gradient_energy_by_stages
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


@pytest.mark.parametrize(("height", "width"), [(90, 130), (64, 64), (47, 203)])
def test_the_energy_is_that_of_the_desk(height: int, width: int) -> None:
    luma = picture(height, width)
    found, expected = gradient_energy_by_stages(luma), gradient_energy(luma)
    torch.testing.assert_close(found.signal[0], expected.signal[0], rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(found.noise[0], expected.noise[0], rtol=1e-4, atol=1e-9)
    # Coarser levels differ at their edges, of which small pictures consist.
    torch.testing.assert_close(found.signal, expected.signal, rtol=0.1, atol=1e-9)
    for ours, theirs in zip(found.blocks, expected.blocks, strict=True):
        # Coarser levels differ at their edges, by what lies beyond those of the finer one.
        torch.testing.assert_close(ours[1:-1, 1:-1], theirs[1:-1, 1:-1], rtol=1e-3, atol=1e-9)


@needs("examples")
def test_the_sharper_frame_wins_as_on_the_desk() -> None:
    luma = rgb_to_ycbcr(example_photo("coffee")[None])[0, :1]
    generator = torch.Generator().manual_seed(3)
    frames = [
        gaussian_blur(luma[None], std)[0] + 0.03 * torch.randn(luma.shape, generator=generator)
        for std in (0.3, 0.8, 1.6)
    ]
    scores = [gradient_energy_by_stages(frame).score for frame in frames]
    assert scores == sorted(scores, reverse=True)
    for frame, score in zip(frames, scores, strict=True):
        assert score == pytest.approx(gradient_energy(frame).score, rel=0.02)
