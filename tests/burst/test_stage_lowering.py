"""The stages of merging in other runtimes: one delegate takes all of each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.burst.converted.packed import (
    ENCODE_CHANNELS,
    PackedBlend,
    PackedEncode,
    blend_channels,
)
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.targets import find_converter
from tests.needs import needs

TARGETS = [
    pytest.param("executorch", marks=needs("executorch")),
    pytest.param("executorch-vulkan", marks=needs("executorch")),
    pytest.param("tflite", marks=needs("tflite")),
]
STAGES: dict[str, tuple[nn.Module, int]] = {
    "encode": (PackedEncode(Encode(2)), ENCODE_CHANNELS),
    "blend": (PackedBlend(Blend(2)), blend_channels(2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", STAGES)
def test_every_stage_lowers_whole(name: str, target: str, tmp_path: Path) -> None:
    stage, channels = STAGES[name]
    converter = find_converter(target)
    example = torch.rand(1, channels, 40, 40, generator=torch.Generator().manual_seed(0))
    report = converter.convert(stage.eval(), example, tmp_path / f"stage{converter.suffix}", "fp32")
    assert report.partitions in (1, None)
    assert report.undelegated == ()
    assert not report.transposes
