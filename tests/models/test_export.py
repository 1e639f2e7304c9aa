"""Fused networks of every kind through every converter that is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.extras import is_installed
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig, Task
from edge_sdk.models.enhance_config import SCALES, Activation
from edge_sdk.reparam import fuse
from edge_sdk.targets import converter_names, find_converter, runs_here
from tests.pairwise import pairwise

ACTIVATIONS = ("prelu", "relu", "leaky_relu")
RUNS_HERE = {
    target: runs_here(find_converter(target))
    for target in converter_names()
    if is_installed(find_converter(target).extra)
}


def exists(target: str, task: Task, scale: int, color: Color, activation: Activation) -> bool:
    """Whether there is such a network; files that nothing runs here are made of one activation."""
    return (
        scale in SCALES[task]
        and not (task is Task.BURST_ZOOM and color is Color.Y)
        and (RUNS_HERE[target] or activation == "relu")
    )


CASES = [
    pytest.param(*case.values, marks=[*case.marks, pytest.mark.qualcomm])
    if "snapdragon" in case.values
    else case
    for case in pairwise(
        list(RUNS_HERE), list(Task), (1, 2, 3, 4), list(Color), ACTIVATIONS, valid=exists
    )
]


@pytest.mark.slow
@pytest.mark.parametrize(("target", "task", "scale", "color", "activation"), CASES)
def test_fused_networks_export(
    tmp_path: Path, target: str, task: Task, scale: int, color: Color, activation: Activation
) -> None:
    config = EnhanceNetConfig(
        task=task,
        scale=scale,
        color=color,
        widths=(4, 6, 6),
        skips=((1, 2),),
        activation=activation,
    )
    network = EnhanceNet(config)
    x = torch.rand(1, network.spec.input_channels, 24, 12)
    fused, _ = fuse(network, x)
    assert isinstance(fused, EnhanceNet)
    for module in fused.modules():
        if isinstance(module, nn.PReLU):
            module.weight.data.uniform_(-0.5, 0.9)
    converter = find_converter(target)
    path = tmp_path / f"model{converter.suffix}"
    precision = converter.precisions[0]
    report = converter.convert(fused, x, path, precision)
    if runs_here(converter):
        assert verify(fused, x, path).psnr_db >= GATES_DB[precision]
    else:
        # Nothing here runs such files: what can be seen is that the delegate takes them whole.
        assert (report.partitions, report.undelegated) == (1, ())
