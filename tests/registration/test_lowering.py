"""Stages of alignment in other runtimes: one delegate takes all of each, and motions agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.burst.stages.score import PackedScore
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.registration import Registrar, RegistrationConfig, motion_error_px
from edge_sdk.registration.alignment.levels import level_count
from edge_sdk.registration.stages.align import BLOCK_POINTS, PACKED_CHANNELS, SUMS, PackedAlign
from edge_sdk.registration.stages.expand import HALO_PX, Expand
from edge_sdk.registration.stages.levels import (
    HALVE_HALO_PX,
    SMOOTH_HALO_PX,
    SURROUND_HALO_PX,
    Halve,
    Smooth,
    Surround,
)
from edge_sdk.registration.stages.search import PackedSearch
from edge_sdk.registration.stages.stage_set import AlignStages
from edge_sdk.targets import LoweringReport, find_converter
from tests.needs import each_needing, needs

Stage = Callable[[Tensor], Tensor]
TILE, BLOCKS = 48, 16
AGREE_PX = 1e-3
"""How far a motion may lie from that of PyTorch, anywhere on the picture."""


def sides(halo: int, tile: int = TILE) -> tuple[int, int, int, int]:
    return (1, 1, tile + 2 * halo, tile + 2 * halo)


class Files:
    """The stages of one target, converted one by one as files of a fixed size."""

    def __init__(self, target: str, folder: Path) -> None:
        self.converter, self.folder = find_converter(target), folder
        self.reports: dict[str, LoweringReport] = {}

    def stage(self, name: str, module: nn.Module, shape: tuple[int, ...]) -> Stage:
        path = self.folder / f"{name}{self.converter.suffix}"
        example = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        self.reports[name] = self.converter.convert(module.eval(), example, path)
        runner = open_artifact(path)
        (end,) = runner.input_shapes

        def run(x: Tensor) -> Tensor:
            (result,) = runner.run({end: x.contiguous().numpy()}).values()
            return torch.from_numpy(result)

        return run

    def tiled(self, name: str, module: nn.Module, halo: int, factor: int = 1) -> Stage:
        """A stage of a picture [1, 1, H, W] whose file takes tiles; ``factor`` times smaller."""
        run = self.stage(name, module, sides(halo, factor * TILE))

        def whole(picture: Tensor) -> Tensor:
            height, width = ((side - 2 * halo) // factor for side in picture.shape[-2:])
            rows = []
            for top in range(0, height, TILE):
                row = []
                for left in range(0, width, TILE):
                    x, y = factor * left, factor * top
                    side = factor * TILE + 2 * halo
                    crop = picture[..., y : y + side, x : x + side]
                    missing = (0, side - crop.shape[-1], 0, side - crop.shape[-2])
                    made = run(functional.pad(crop, missing))
                    row.append(made[..., : height - top, : width - left])
                rows.append(torch.cat(row, 3))
            return torch.cat(rows, 2)

        return whole

    def align(self) -> Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]:
        run = self.stage("align", PackedAlign(), (1, PACKED_CHANNELS, BLOCKS, BLOCK_POINTS))

        def summed(
            coefficients: Tensor, sample: Tensor, offset: Tensor, mask: Tensor, numbers: Tensor
        ) -> Tensor:
            count, blocks = len(sample), sample.shape[2]
            known = coefficients.expand(count, -1, -1, -1)
            planes = torch.cat((known, sample, offset, mask), 1)
            sums = torch.empty(count, SUMS, blocks, 1)
            for row in range(count):
                for start in range(0, blocks, BLOCKS):
                    part = planes[row : row + 1, :, start : start + BLOCKS]
                    size = part.shape[2]
                    packed = torch.zeros(1, PACKED_CHANNELS, BLOCKS, BLOCK_POINTS)
                    packed[:, :-1, :size] = part
                    packed[:, -1, 0, :3] = numbers[row, 0, 0]
                    sums[row, :, start : start + size] = run(packed)[0, :, :size]
            return sums

        return summed

    def search(
        self, height: int, width: int
    ) -> Callable[[int], Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]]:
        def of_reach(reach: int) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
            length = height * (width + 2 * reach) + 2 * reach
            shape = (1, 3 + 2 * reach + 1, 1, length)
            run = self.stage("search", PackedSearch(reach), shape)

            def found(reference: Tensor, shown: Tensor, rows: Tensor, numbers: Tensor) -> Tensor:
                packed = torch.zeros(shape)
                packed[:, 0:1, :, : -2 * reach] = reference
                packed[:, 1:2, :, : -2 * reach] = shown
                packed[:, 2, 0, :2] = numbers[:, 0, 0]
                packed[:, 3:] = rows
                return run(packed)

            return found

        return of_reach

    def all(self, height: int, width: int) -> AlignStages:
        halvings = level_count(height, width) - 1
        return AlignStages(
            smooth=self.tiled("smooth", Smooth(), SMOOTH_HALO_PX),
            halve=self.tiled("halve", Halve(), HALVE_HALO_PX, factor=2),
            surround=self.tiled("surround", Surround(), SURROUND_HALO_PX),
            expand=self.tiled("expand", Expand(), HALO_PX),
            search=self.search(height >> halvings, width >> halvings),
            align=self.align(),
        )


def check_whole(files: Files, target: str) -> None:
    """All of a stage is in the file, and a delegate takes all of it."""
    for report in files.reports.values():
        assert report.undelegated == ()
        assert report.partitions == (1 if target == "executorch" else None)
        assert report.fallback is None
        assert not report.transposes


@needs("examples")
@pytest.mark.slow
@pytest.mark.parametrize("target", each_needing(["executorch", "tflite"]))
def test_score_lowers_whole_and_energies_agree(target: str, tmp_path: Path) -> None:
    luma = rgb_to_ycbcr(example_photo("coffee")[None, :, 60:126, 180:246])[:, :1]
    level = torch.cat((luma, torch.ones_like(luma)), 1)
    files = Files(target, tmp_path)
    found = files.stage("score", PackedScore(), (1, 2, *luma.shape[-2:]))(level)
    torch.testing.assert_close(found, PackedScore()(level), rtol=1e-5, atol=1e-8)
    check_whole(files, target)


@needs("examples")
@pytest.mark.slow
@pytest.mark.parametrize("target", each_needing(["executorch", "tflite"]))
def test_every_stage_lowers_whole_and_motions_agree(target: str, tmp_path: Path) -> None:
    burst = simulate_burst(example_photo("coffee")[:, 60:250, 180:420], CameraConfig(frames=3))
    luma = rgb_to_ycbcr(burst.frames)[:, :1]
    height, width = luma.shape[-2:]
    config = RegistrationConfig(max_shift_px=8)
    files = Files(target, tmp_path)
    lowered = Registrar(luma[0], config, stages=files.all(height, width))
    expected = Registrar(luma[0], config).register(luma[1:])
    for found, entry in zip(lowered.register(luma[1:]), expected, strict=True):
        assert found.accepted
        assert entry.accepted
        off = motion_error_px(found.matrix, entry.matrix, height, width)
        assert float(off.max()) < AGREE_PX
        assert math.isclose(found.explained, entry.explained, abs_tol=1e-4)
    assert set(files.reports) == {"smooth", "halve", "surround", "expand", "search", "align"}
    check_whole(files, target)
