"""Stages keep their digits in half precision, of whatever their input keeps there."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from edge_sdk import burst_network
from edge_sdk.bundle.generator import drawn
from edge_sdk.bundle.golden import signal_over_noise_db
from edge_sdk.bundle.stage_inputs import stage_groups
from edge_sdk.burst.converted.graphs import StageGraph, stage_graphs
from edge_sdk.burst.stages.steering import box_mean, box_variance
from edge_sdk.registration.stages.levels import Surround

LEAST_DB = {
    "score": 55,
    "smooth": 65,
    "halve": 65,
    "surround": 53,
    "search": 65,
    "align": 65,
    "encode": 62,
    "blend": 65,
}
"""Signal over noise; rounding its input alone leaves ``score`` 58 dB and ``surround`` 54."""


@pytest.fixture(scope="module")
def graphs() -> dict[str, StageGraph]:
    network = burst_network("burst_zoom_x2", 2)
    return stage_graphs(network.spec, network)


def golden_input(stage: str, graph: StageGraph) -> Tensor:
    return torch.from_numpy(drawn(stage_groups(stage, graph.shape), *graph.shape[-2:]))


def db(expected: Tensor, found: Tensor) -> float:
    return signal_over_noise_db(found.float().flatten().numpy(), expected.flatten().tolist())


@pytest.mark.parametrize("stage", LEAST_DB)
@torch.inference_mode()
def test_half_precision_keeps_what_its_input_keeps(
    stage: str, graphs: dict[str, StageGraph]
) -> None:
    graph = graphs[stage]
    x = golden_input(stage, graph)
    found = copy.deepcopy(graph.module_for("fp16")).half()(x.half())
    assert db(graph.module(x), found) >= LEAST_DB[stage]


@pytest.mark.parametrize("stage", ["smooth", "halve", "search"])
@torch.inference_mode()
def test_both_forms_of_a_stage_are_one_function(stage: str, graphs: dict[str, StageGraph]) -> None:
    graph = graphs[stage]
    x = golden_input(stage, graph)
    assert graph.module_for("fp32") is graph.module_for("int8") is graph.module
    assert graph.module_for("fp16") is not graph.module
    assert db(graph.module(x), graph.module_for("fp16")(x)) >= 115


@torch.inference_mode()
def test_surroundings_in_half_precision_let_no_brightness_through() -> None:
    dot = torch.zeros(1, 1, 25, 25)
    dot[..., 12, 12] = 1.0
    exact, in_half = Surround()(dot), Surround(convolves=True)(dot)
    assert torch.equal(in_half.half().float(), in_half)
    assert in_half.double().sum() == 0
    assert (in_half - exact).abs().max() <= 2**-12


def test_a_variance_from_pairs_is_that_of_squares() -> None:
    x = torch.rand(2, 3, 20, 17, dtype=torch.float64)
    mean = box_mean(x)
    torch.testing.assert_close(box_variance(x), box_mean(x * x) - mean * mean)
    # Far from 0, where the difference of float32 squares would leave nothing of it.
    far = (x * 1e-2 + 10).float()
    close = {"rtol": 1e-3, "atol": 0.0}
    torch.testing.assert_close(box_variance(far).double(), box_variance(far.double()), **close)
