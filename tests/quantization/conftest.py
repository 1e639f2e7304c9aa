"""Threads, pictures and a small network for the tests of quantize."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from tests.builders.smooth_pictures import smooth_pictures


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test here runs on one thread."""


@pytest.fixture
def pictures() -> list[Tensor]:
    """Eight luma pictures of 24×24."""
    return smooth_pictures(8, seed=1)


@pytest.fixture
def network() -> EnhanceNet:
    """A plain ×2 network with seeded weights."""
    torch.manual_seed(0)
    return EnhanceNet(EnhanceNetConfig(widths=(8, 8, 8), skips=((0, 2),), branches=None)).eval()
