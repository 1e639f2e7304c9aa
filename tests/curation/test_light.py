"""Measuring does without PyTorch, which would take longer to import than hundreds of pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import needs

pytestmark = needs("examples")

PROGRAM = """
import sys
from pathlib import Path
from edge_sdk.curation import curate
from edge_sdk.worker_processes import keep_to_one_thread

if __name__ == "__main__":
    keep_to_one_thread()
    result = curate(sys.argv[1], sys.argv[2])
    assert len(result.verdicts) == 8
    print("torch" in sys.modules)
"""


@pytest.mark.slow
def test_pictures_are_measured_without_pytorch(
    collection: tuple[Path, dict[str, str | None]], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(collection[0]), str(tmp_path / "kept.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False"]
