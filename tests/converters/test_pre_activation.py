"""Residual networks whose pre-activation norms were fused away, in every target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk import convert, fuse
from edge_sdk.emulate.parity.agreement import artifact_results, run_torch
from edge_sdk.emulate.parity.differences import differences, largest_values
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import picture
from tests.builders.pre_activation_nets import Functional, norms_of, positive, staged
from tests.needs import each_needing

pytestmark = pytest.mark.slow

NETS: dict[str, Callable[[], nn.Module]] = {"stages": staged, "functional": Functional}
LEAST_DB = 100.0


@pytest.mark.parametrize("target", each_needing(("executorch", "coreml", "tflite")))
@pytest.mark.parametrize("name", NETS)
def test_every_target_computes_the_unfused_network(name: str, target: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = positive(NETS[name]())
    shape = (1, 3, 32, 48)
    fused, _ = fuse(model, picture(*shape))
    assert not norms_of(fused)
    path = tmp_path / f"net{find_converter(target).suffix}"
    made = convert(fused, target, path, "fp32", example=picture(*shape))
    assert made.report.fallback is None
    probes = [picture(*shape, seed=seed) for seed in (3, 4)]
    expected = run_torch(model, probes)
    results = artifact_results(open_artifact(path), probes, path)
    found = differences(expected, results, largest_values(expected), clip=False)
    assert found.worst_db >= LEAST_DB
