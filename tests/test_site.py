"""The site of the documentation: it builds without a warning and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ELSEWHERE = re.compile(r"\s*(?:\w+:)?//")
CSS = re.compile(r"""(?:url\(|@import)\s*["']?\s*(?:https?:)?//""")
pytestmark = pytest.mark.slow


class Loaded(HTMLParser):
    """What a browser fetches by itself when it shows a page; links to click on are not among it."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        names = ("src", "srcset", "data", "poster", *(["href"] if tag in ("link", "image") else []))
        self.addresses += [address for name in names if (address := values.get(name))]
        assert not CSS.search(values.get("style") or "")
        assert "mermaid" not in (values.get("class") or "")


def read(page: Path) -> Loaded:
    loaded = Loaded()
    loaded.feed(page.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    made = subprocess.run(
        build, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = [read(page) for page in site.rglob("*.html")]
    loaded = [address for page in pages for address in page.addresses]
    assert len(loaded) > len(pages) > 25
    assert [address for address in loaded if ELSEWHERE.match(address)] == []
    styles = [sheet.read_text(encoding="utf-8") for sheet in site.rglob("*.css")]
    assert len(styles) > 2
    assert not any(CSS.search(style) for style in styles)


def test_what_pages_load_is_there(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for address in read(page).addresses:
            if not address.startswith("data:"):
                assert (page.parent / address.split("?")[0].split("#")[0]).exists(), (page, address)


def test_every_public_name_and_command_has_its_place(site: Path) -> None:
    from typer.main import get_command

    from edge_sdk.burst import __all__ as burst
    from edge_sdk.cli.app import app

    ids = read(site / "reference" / "python" / "edge_sdk.burst.html").ids
    assert {f"edge_sdk.burst.{name}" for name in burst} <= ids
    assert set(get_command(app).commands) <= read(site / "reference" / "command-line.html").ids
