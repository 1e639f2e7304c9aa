"""What the tests of burst share: one thread, and stages that are converted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_once import MakeOnce


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test here runs on one thread."""


@pytest.fixture(scope="session")
def stages(made_once: MakeOnce) -> Path:
    """The stages of ``small.safetensors`` beside them, as TFLite; not to be changed."""

    from edge_sdk.burst.converted.by_name import convert_stages
    from tests.builders.burst_networks import SMALL_SIZES, small_network

    def make(folder: Path) -> None:
        network, place = str(small_network(folder)), folder / "tflite"
        convert_stages(network, "tflite", "fp32", place, sizes=SMALL_SIZES)

    return made_once("small_stages", make) / "tflite"
