"""Every command and program in the README and in docs/ runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, write_picture

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
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


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_run_in_order(page: Path, tmp_path: Path) -> None:
    photo = Picture(example_photo("coffee")[:, 100:300, 200:430])
    write_picture(photo, tmp_path / "photo.jpg")
    (tmp_path / "photos").mkdir()
    write_picture(photo, tmp_path / "photos" / "cup.png")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path}
    for block in blocks(page):
        if block.name:
            (tmp_path / block.name).write_text(block.text)
        if block.language == "python":
            runs = [[sys.executable, "-c", block.text]]
        elif block.language == "sh":
            runs = [["bash", "-c", line] for line in commands(block) if line not in MAKE]
        else:
            runs = []
        for run in runs:
            result = subprocess.run(
                run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert result.returncode == 0, f"{run[-1]}\n{result.stdout}\n{result.stderr}"


def test_links_between_pages_hold() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page} links to {target}"
