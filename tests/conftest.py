"""What all tests share: seeds, threads and the folder of picture sets."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

# Other work on the machine makes any limit of time fail now and then; speed is for the benchmarks.
settings.register_profile("edge_sdk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edge_sdk")


def pytest_configure() -> None:
    torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def _seeds() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - for libraries that draw from the global state
    torch.manual_seed(0)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread of PyTorch: where tensors are small, threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def picture_sets() -> Path:
    """Folder with the benchmark pictures, which are not part of this repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("EDGE_SDK_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"{folder} does not exist; set EDGE_SDK_DATA to the folder of picture sets")
    return folder
