"""The shipped model for bursts as a bundle, packed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_sdk.bundle import PackOptions, Wanted, pack
from edge_sdk.zoo.loading import load_any
from tests.made_once import MakeOnce


@pytest.fixture(scope="session")
def shipped(made_once: MakeOnce) -> Path:
    def make(folder: Path) -> None:
        options = PackOptions((Wanted("tflite", "fp32"),), "web")
        pack(load_any("burst_zoom_x2"), folder / "zoom.zip", options)

    return made_once("shipped_bundle", make) / "zoom.zip"
