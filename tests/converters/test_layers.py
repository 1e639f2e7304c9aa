"""The one list of layers in every target: each is right or refused, and none is written wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.builders.layers import GROUPS
from tests.builders.layers.fan import Layer
from tests.builders.layers.outcomes import outcomes
from tests.needs import each_needing

pytestmark = pytest.mark.slow

TAKEN_WHOLE = ("activations", "arithmetic", "convolutions", "pooling", "shapes", "resampling")
"""Groups of which TFLite takes every layer."""


@pytest.mark.parametrize("target", each_needing(("executorch", "coreml", "tflite")))
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_no_layer_is_written_wrong(
    group: Callable[[], dict[str, Layer]], target: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    found = outcomes(group(), target, tmp_path)
    assert {name: each for name, each in found.items() if each.kind == "wrong"} == {}
    if group.__name__ in TAKEN_WHOLE and target == "tflite":
        assert {name: each.why for name, each in found.items() if each.kind != "right"} == {}
