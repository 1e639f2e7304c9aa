"""The stages in other runtimes: one delegate takes all of each, and motions and scores agree."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from edge_sdk.burst.converted.graphs import stage_graphs
from edge_sdk.burst.converted.tiling import FixedStage, frame_stages
from edge_sdk.burst.reference.gradient_energy import gradient_energy
from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.registration import Registrar, RegistrationConfig, motion_error_px
from edge_sdk.targets import Converter, LoweringReport, find_converter, runs_here
from edge_sdk.zoo.loading import load_any
from tests.builders.burst_networks import SMALL_SIZES, small_network
from tests.needs import needs

MOVES = ("score", "smooth", "halve", "surround", "search", "expand", "align")
AGREE_PX = 1e-3
"""How far a motion may lie from that of PyTorch, anywhere on the picture."""
TARGETS = [
    pytest.param("executorch", marks=needs("executorch")),
    pytest.param("executorch-vulkan", marks=needs("executorch")),
    pytest.param("tflite", marks=needs("tflite")),
]


def converted(target: str, folder: Path) -> dict[str, LoweringReport]:
    """All stages as files named by themselves."""
    loaded = load_any(str(small_network(folder)))
    assert loaded.picture_spec is not None
    graphs = stage_graphs(loaded.picture_spec, loaded.fused()[0], SMALL_SIZES)
    converter = find_converter(target)
    reports = {}
    for name, graph in graphs.items():
        example = torch.rand(graph.shape, generator=torch.Generator().manual_seed(0))
        path = folder / f"{name}{converter.suffix}"
        reports[name] = converter.convert(graph.module, example, path, "fp32")
    return reports


def opened(folder: Path, suffix: str) -> FrameStages:
    return frame_stages({name: fixed(folder / f"{name}{suffix}") for name in MOVES})


def fixed(path: Path) -> FixedStage:
    runner = open_artifact(path)
    ((end, shape),) = runner.input_shapes.items()

    def run(x: Tensor) -> Tensor:
        (result,) = runner.run({end: x.contiguous().numpy()}).values()
        return torch.from_numpy(result)

    return FixedStage(run, shape)


@needs("examples")
@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_every_stage_lowers_whole_and_files_agree(target: str, tmp_path: Path) -> None:
    for name, report in converted(target, tmp_path).items():
        assert report.undelegated == (), name
        assert report.partitions in (1, None), name
        assert not report.transposes, name
        assert report.fallback is None, name
    check_delegates(tmp_path, find_converter(target))
    if runs_here(find_converter(target)):
        check_motions_and_scores(opened(tmp_path, find_converter(target).suffix))


def check_delegates(folder: Path, converter: Converter) -> None:
    """The runtime's delegate takes every operator of every file, where one runs here."""
    if runs_here(converter):
        for path in folder.glob(f"*{converter.suffix}"):
            delegation = open_artifact(path).delegation
            assert delegation is not None
            assert delegation.undelegated == (), path.name


def check_motions_and_scores(stages: FrameStages) -> None:
    """Files find the motions and scores that PyTorch finds."""
    burst = simulate_burst(example_photo("coffee")[:, 60:250, 180:420], CameraConfig(frames=3))
    luma = rgb_to_ycbcr(burst.frames)[:, :1]
    height, width = luma.shape[-2:]
    config = RegistrationConfig(max_shift_px=8)
    found = Registrar(luma[0], config, stages=stages.align).register(luma[1:])
    for each, entry in zip(found, Registrar(luma[0], config).register(luma[1:]), strict=True):
        assert each.accepted
        assert entry.accepted
        off = motion_error_px(each.matrix, entry.matrix, height, width)
        assert float(off.max()) < AGREE_PX
        assert math.isclose(each.explained, entry.explained, abs_tol=1e-4)
    for frame in luma:
        score, expected = gradient_energy(frame, stages).score, gradient_energy(frame).score
        assert math.isclose(score, expected, rel_tol=1e-4)
