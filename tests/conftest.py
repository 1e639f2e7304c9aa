"""What all tests share: seeds, threads, the folder of picture sets, and which tests are left out.

Tests marked with a key of ``OUTSIDE`` need what ``pip install edge-sdk[all]`` does not bring: where
it is missing they are deselected, and the first lines of a run say so. A test that needs an extra
of ``all`` (:func:`tests.needs.needs`) is skipped without it; under ``--no-skips`` a skip fails.
"""

from __future__ import annotations

import gc
import os
import random

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the processors already: their libraries' threads would only wait for each other.
    os.environ.update(
        dict.fromkeys(
            (
                "OMP_NUM_THREADS",
                "OPENBLAS_NUM_THREADS",
                "MKL_NUM_THREADS",
                "OPENCV_FOR_THREADS_NUM",
                "TF_NUM_INTRAOP_THREADS",
                "TF_NUM_INTEROP_THREADS",
            ),
            "1",
        )
    )

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_sdk.emulate.arm64.environment import SET_UP, find_environment
from edge_sdk.emulate.runtimes.vulkan import CHROMIUM
from edge_sdk.errors import MissingExtraError
from edge_sdk.extras import install_command, is_installed
from tests.cpu_times import CpuTimes
from tests.examples import register_profiles
from tests.made_once import MakeOnce, made_once_in, shared_base

register_profiles(os.environ.get("EDGE_SDK_TIER", "full"))

PICTURE_SETS = Path(os.environ.get("EDGE_SDK_DATA", Path(__file__).parents[2] / "shared" / "data"))

SWIFTSHADER = CHROMIUM / "vk_swiftshader_icd.json"


@dataclass(frozen=True)
class Outside:
    """Something that tests need and no extra of ``all`` brings."""

    is_there: Callable[[], bool]
    how: str


def _has_arm64() -> bool:
    try:
        find_environment()
    except MissingExtraError:
        return False
    return True


OUTSIDE = {
    "arm64": Outside(_has_arm64, SET_UP),
    "data": Outside(PICTURE_SETS.is_dir, "set EDGE_SDK_DATA to the folder of picture sets"),
    "ethos": Outside(lambda: is_installed("ethos"), "make env-arm"),
    "litert_torch": Outside(lambda: is_installed("litert-torch"), install_command("litert-torch")),
    "qualcomm": Outside(lambda: is_installed("qualcomm"), install_command("qualcomm")),
    "ray": Outside(lambda: is_installed("ray"), install_command("ray")),
    "swiftshader": Outside(SWIFTSHADER.is_file, "apt-get install chromium"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="take a skipped test as failed")
    parser.addoption(
        "--cpu-times", type=Path, metavar="FILE", help="append each test's CPU time, a JSON line"
    )
    parser.addoption(
        "--cpu-limit", type=float, metavar="S", help="fail a test that takes more CPU-seconds"
    )


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)
    file, limit_s = config.getoption("cpu_times"), config.getoption("cpu_limit")
    if file is not None or limit_s is not None:
        config.pluginmanager.register(CpuTimes(file, limit_s))


def pytest_report_header() -> list[str]:
    return [
        f"left out: tests marked {mark} ({outside.how})"
        for mark, outside in OUTSIDE.items()
        if not outside.is_there()
    ]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    # What is made while tests are collected stays; looking for garbage in it is lost time.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {mark for mark, outside in OUTSIDE.items() if not outside.is_there()}
    left_out = [item for item in items if any(mark.name in missing for mark in item.iter_markers())]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("no_skips"):
        *_, reason = report.longrepr if isinstance(report.longrepr, tuple) else (report.longrepr,)
        report.outcome, report.longrepr = "failed", f"skipped under --no-skips: {reason}"
    return report


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
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Folders of files that tests only read, shared by all workers of the run."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    return made_once_in(shared_base(tmp_path_factory, is_worker=is_worker))


@pytest.fixture(scope="session")
def picture_sets() -> Path:
    """Folder with the benchmark pictures, which are not part of this repository."""
    assert PICTURE_SETS.is_dir(), "a test that reads the picture sets is marked `data`"
    return PICTURE_SETS


@pytest.fixture(scope="session")
def packed(made_once: MakeOnce) -> Path:
    """A folder with ``small.safetensors`` and its bundle, ``small.zip``; not to be changed."""

    def make(folder: Path) -> None:
        from edge_sdk.bundle import PackOptions, Wanted, pack
        from edge_sdk.zoo.loading import load_any
        from tests.builders.bundle_corpus import key
        from tests.builders.burst_networks import BUNDLE_SIZES, small_network

        options = PackOptions((Wanted("tflite", "fp32"),), "android", sizes=BUNDLE_SIZES)
        pack(load_any(str(small_network(folder))), folder / "small.zip", options, key())

    return made_once("small_bundle", make)
