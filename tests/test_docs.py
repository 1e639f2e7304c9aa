"""Every command and program in the README and in docs/ runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, write_picture
from tests.needs import needs

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKED_PAGES = [
    pytest.param(
        page,
        marks=[
            *([pytest.mark.qualcomm] if "--target snapdragon" in page.read_text() else []),
            *([pytest.mark.ray] if "--ray local" in page.read_text() else []),
            *([needs("coreai")] if "--target coreai" in page.read_text() else []),
        ],
    )
    for page in PAGES
]
BLOCK = re.compile(r'^```(\w+)(?: title="([\w.]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
MAKE = {"make zoom", "make test"}
"""Commands that continuous integration runs as such, on a clean checkout."""


@dataclass(frozen=True)
class Block:
    language: str
    name: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*match) for match in BLOCK.findall(page.read_text())]


def commands(block: Block) -> list[str]:
    lines = [line.split("  #")[0].strip() for line in block.text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


RunAll = Callable[[list[tuple[str, str]], Path], None]
"""Runs programs, each a language and a text, one after the other in a folder."""


def in_fresh_processes(programs: list[tuple[str, str]], folder: Path) -> None:
    """As a reader runs them."""
    for language, text in programs:
        command = [sys.executable, "-c", text] if language == "python" else ["bash", "-c", text]
        check_run(command, folder)


ONE_PROCESS = """
import glob, json, shlex, sys
from edge_sdk.cli import main
for language, text in json.loads(sys.argv[1]):
    print(text, file=sys.stderr)
    if language == "python":
        exec(compile(text, "block", "exec"), {"__name__": "__main__"})
        continue
    words = shlex.split(text)
    assert words[0] == "edge-sdk"
    sys.argv = [found for word in words for found in sorted(glob.glob(word)) or [word]]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


def in_one_process(programs: list[tuple[str, str]], folder: Path) -> None:
    """One after the other in one process, since imports are half of the time of most."""
    check_run([sys.executable, "-c", ONE_PROCESS, json.dumps(programs)], folder)


def check_run(command: list[str], folder: Path) -> None:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, f"{command[-1]}\n{result.stdout}\n{result.stderr}"


def test_the_readme_has_commands_to_run() -> None:
    assert sum(block.language == "sh" for block in blocks(PAGES[0])) >= 3


def test_make_commands_are_those_that_continuous_integration_runs() -> None:
    named = {
        line for page in PAGES for block in blocks(page) for line in commands(block)
        if block.language == "sh" and line.startswith("make")
    }  # fmt: skip
    assert named == MAKE
    script = (ROOT / ".ci" / "run").read_text()
    assert all(command in script.splitlines() for command in MAKE)


@needs("executorch", "coreml", "tflite", "train", "examples")
@pytest.mark.slow
@pytest.mark.parametrize(
    "run_all",
    [in_one_process, pytest.param(in_fresh_processes, marks=pytest.mark.nightly)],
    ids=["one process", "fresh processes"],
)
@pytest.mark.parametrize("page", MARKED_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_run_in_order(page: Path, run_all: RunAll, tmp_path: Path) -> None:
    photo = Picture(example_photo("coffee")[:, 100:300, 200:430])
    write_picture(photo, tmp_path / "photo.jpg")
    (tmp_path / "photos").mkdir()
    write_picture(photo, tmp_path / "photos" / "cup.png")
    programs: list[tuple[str, str]] = []
    for block in blocks(page):
        if block.name:
            (tmp_path / block.name).write_text(block.text)
        if block.language == "python":
            programs.append(("python", block.text))
        elif block.language == "sh":
            programs += [("sh", line) for line in commands(block) if line not in MAKE]
    if programs:
        run_all(programs, tmp_path)


def test_links_between_pages_hold() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page} links to {target}"
