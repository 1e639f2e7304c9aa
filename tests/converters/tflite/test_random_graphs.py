"""Random small graphs through the TFLite lowering: whatever the layers' order, eager's result."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk_converters.tflite import TFLiteConverter
from tests.builders.conversion_nets import picture, seeded
from tests.examples import examples
from tests.needs import needs

pytestmark = [needs("tflite"), pytest.mark.slow]

LAYERS = {
    "conv": lambda c: nn.Conv2d(c, 8, 3, padding=1),
    "grouped": lambda c: nn.Conv2d(c, 8, 3, padding=1, groups=4),
    "depthwise": lambda c: nn.Conv2d(c, c, 3, padding=2, dilation=2, groups=c),
    "strided": lambda c: nn.Conv2d(c, 8, 3, stride=2, padding=1),
    "transposed": lambda c: nn.ConvTranspose2d(c, 8, 3, 2, 1, output_padding=1),
    "norm": lambda c: nn.BatchNorm2d(c),
    "prelu": lambda c: nn.PReLU(c),
    "hardswish": lambda c: nn.Hardswish(),
    "shuffle": lambda c: nn.PixelShuffle(2),
    "unshuffle": lambda c: nn.PixelUnshuffle(2),
    "channel_shuffle": lambda c: nn.ChannelShuffle(4),
    "pool": lambda c: nn.MaxPool2d(3, 2, 1),
    "reflect": lambda c: nn.ReflectionPad2d(1),
    "bilinear": lambda c: nn.Upsample(scale_factor=2, mode="bilinear"),
    "skip": lambda c: Skip(c),
    "gate": lambda c: Gate(c),
}


class Skip(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x) + x, x.flip(1)], 1)[:, : x.shape[1]]


class Gate(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.fc(x.mean((2, 3))))
        return x * weights.view(x.shape[0], -1, 1, 1)


def built(names: list[str], classify: bool) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, padding=1)]
    x = torch.zeros(1, 3, 16, 12)
    for name in names:
        x = nn.Sequential(*layers).eval()(torch.zeros(1, 3, 16, 12))
        channels, smallest = x.shape[1], min(x.shape[2:])
        even = x.shape[2] % 2 == x.shape[3] % 2 == 0
        too_small = name in ("strided", "pool", "reflect") and smallest < 4
        uneven = name == "unshuffle" and (not even or channels > 16)
        if too_small or uneven or smallest > 48:
            continue
        if name == "shuffle" and channels < 16:
            layers.append(nn.Conv2d(channels, 32, 1))
            channels = 32
        layers.append(LAYERS[name](channels))
    if classify:
        x = nn.Sequential(*layers).eval()(torch.zeros(1, 3, 16, 12))
        layers += [nn.Flatten(), nn.Linear(x[0].numel(), 5)]
    return nn.Sequential(*layers)


@examples(25, derandomize=True)
@given(names=st.lists(st.sampled_from(sorted(LAYERS)), max_size=6), classify=st.booleans())
def test_random_graphs_agree(names: list[str], classify: bool) -> None:
    model, example = seeded(lambda: built(names, classify)).eval(), picture(1, 3, 16, 12)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.tflite"
        report = TFLiteConverter().convert(model, example, path, "fp32")
        assert (report.transposes, report.fallback) == (0, None)
        assert verify(model, picture(1, 3, 16, 12, seed=2), path).psnr_db >= GATES_DB["fp32"]


@pytest.mark.parametrize("written_out", [False, True])
def test_prelu_can_be_written_out_for_gpus(written_out: bool, tmp_path: Path) -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(4)))
    path, example = tmp_path / "net.tflite", picture(1, 3, 8, 8)
    report = TFLiteConverter(prelu_written_out=written_out).convert(model, example, path, "fp32")
    assert ("PRELU" in report.operators) != written_out
    assert any("relu(x) − a·relu(−x)" in sentence for sentence in report.rewrites) == written_out
    assert verify(model, example, path).psnr_db >= GATES_DB["fp32"]
