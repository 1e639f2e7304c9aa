"""Threads, and one collection, for the tests of curation."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_sdk.curation import Background, CurationConfig, NearDuplicates, Size
from tests.builders.collections import make_collection

CONFIG = CurationConfig((Size(200), Background(), NearDuplicates()))


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test here runs on one thread."""


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str | None]]:
    """A folder of pictures that tests only read, and what each is left out for."""
    folder = tmp_path_factory.mktemp("collection") / "photos"
    return folder, make_collection(folder)


@pytest.fixture(scope="session")
def config() -> CurationConfig:
    """Limits that suit the collection."""
    return CONFIG
