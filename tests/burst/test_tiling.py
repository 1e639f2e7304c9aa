"""Stages of a fixed size give what stages of any size give, however they cut their work."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.burst.converted.graphs import StageSizes, stage_graphs
from edge_sdk.burst.converted.tiling import FixedStage, frame_stages
from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.models.spec import Color, PictureSpec, Task
from tests.builders.burst_networks import SMALL_SIZES
from tests.examples import examples

SPEC = PictureSpec("enhance_net", Task.BURST_ZOOM, 2, Color.RGB, 1, 3)
WHOLE = FrameStages()


def fixed(sizes: StageSizes) -> FrameStages:
    stages = {}
    for name, graph in stage_graphs(SPEC, nn.Identity(), sizes).items():

        def run(x: Tensor, module: nn.Module = graph.module, shape: object = graph.shape) -> Tensor:
            assert tuple(x.shape) == shape
            made: Tensor = module(x)
            return made

        stages[name] = FixedStage(run, graph.shape)
    return frame_stages(stages)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@examples(12)
@given(st.integers(1, 90), st.integers(1, 90))
def test_pictures_of_any_size(height: int, width: int) -> None:
    tiled, whole = fixed(SMALL_SIZES).align, WHOLE.align
    for name, halo, factor in (
        ("smooth", 3, 1),
        ("halve", 4, 2),
        ("surround", 6, 1),
        ("expand", 2, 1),
    ):
        picture = drawn(1, 1, factor * height + 2 * halo, factor * width + 2 * halo)
        found, expected = (getattr(stages, name)(picture) for stages in (tiled, whole))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@examples(12)
@given(st.integers(1, 12), st.integers(1, 12))
def test_scores_of_any_size(rows: int, columns: int) -> None:
    level, shown = drawn(1, 1, 8 * rows + 2, 8 * columns + 2), drawn(1, 1, 8 * rows, 8 * columns)
    found = fixed(SMALL_SIZES).score(level, shown)
    torch.testing.assert_close(found, WHOLE.score(level, shown), rtol=1e-5, atol=1e-7)


@examples(12)
@given(st.integers(1, 12), st.integers(1, 16), st.integers(1, 900))
def test_shifts_of_any_reach_and_lines_of_any_length(reach: int, down: int, length: int) -> None:
    line, shown = drawn(1, 1, 1, length) - 0.5, drawn(1, 1, 1, length, seed=1)
    rows = drawn(1, down, 1, length + 2 * reach, seed=2) - 0.5
    given = (line, shown, rows, torch.tensor([0.2, 0.3]).view(1, 1, 1, 2))
    found = fixed(SMALL_SIZES).align.search(reach)(*given)
    expected = WHOLE.align.search(reach)(*given)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@examples(12)
@given(st.integers(1, 3), st.integers(1, 40))
def test_any_number_of_frames_and_blocks(frames: int, blocks: int) -> None:
    given = (
        drawn(1, 10, blocks, 64),
        drawn(frames, 1, blocks, 64, seed=1),
        drawn(frames, 2, blocks, 64, seed=2) - 0.5,
        drawn(frames, 1, blocks, 64, seed=3),
        drawn(frames, 1, 1, 3, seed=4),
    )
    found, expected = fixed(SMALL_SIZES).align.align(*given), WHOLE.align.align(*given)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
