"""Fused networks of every kind through every converter that is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig, Task
from edge_sdk.models.enhance_config import SCALES
from edge_sdk.reparam import fuse
from edge_sdk.targets import converter_names, find_converter, runs_here

ACTIVATIONS = ("prelu", "relu", "leaky_relu")
CASES = [
    (task, scale, color, activation)
    for task in Task
    for scale in SCALES[task]
    for color in ((Color.RGB,) if task is Task.BURST_ZOOM else Color)
    for activation in (ACTIVATIONS if scale == SCALES[task][0] else ("relu",))
]
"""Every task, color and activation; the other scales with one activation."""
RUNS_HERE = {target: runs_here(find_converter(target)) for target in converter_names()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "task", "scale", "color", "activation"),
    [
        (target, *case)
        for target, runs in RUNS_HERE.items()
        for case in CASES
        if runs or case[3] == "relu"
    ],
)
def test_fused_networks_export(
    tmp_path: Path, target: str, task: Task, scale: int, color: Color, activation
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
