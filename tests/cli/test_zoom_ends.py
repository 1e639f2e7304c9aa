"""A zoom that ends early leaves nothing: no output, no temporary file, and one line at most."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PROGRAM = "from edge_sdk.cli import main; main()"


def frames(count: int, width: int, height: int) -> list[str]:
    generator = np.random.default_rng(1)
    names = []
    for index in range(count):
        levels = generator.integers(0, 255, (height, width, 3)).astype(np.uint8)
        names.append(f"frame{index}.png")
        Image.fromarray(levels).save(names[-1])
    return names


def start(names: list[str], spool: Path, **options: object) -> subprocess.Popen[str]:
    spool.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "zoom", *names, "-o", "out.png"],
        env={**os.environ, "TMPDIR": str(spool)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.slow
@pytest.mark.parametrize("limit", [20_000, 47_000], ids=["spool", "output"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.chdir(tmp_path)
    # Two frames are 46 080 bytes in the spool; their picture, of noise, is more than that.
    names = frames(2, 96, 80)

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = start(names, tmp_path / "spool", preexec_fn=full)
    _, errors = process.communicate()
    assert process.returncode == 2, errors
    assert errors.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "spool"])
    assert not list((tmp_path / "spool").iterdir())


@pytest.mark.slow
def test_an_interrupted_zoom_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = frames(30, 900, 700)
    # Whoever runs the tests in the background may have told their processes to ignore it.
    heeds_interruption = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = start(names, tmp_path / "spool", preexec_fn=heeds_interruption)
    deadline = time.monotonic() + 120
    while not held(process.pid, tmp_path / "spool") and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "spool"])
    assert not list((tmp_path / "spool").iterdir())


def held(pid: int, folder: Path) -> bool:
    """Whether a process has opened a file in a folder, even one without a name."""
    try:
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(link.startswith(str(folder)) for link in links)


@pytest.mark.slow
def test_a_full_standard_output_is_one_line() -> None:
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as sink:
        done = subprocess.run(
            [sys.executable, "-c", "from edge_sdk.cli import main; main()", "models"],
            stdout=sink,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr
