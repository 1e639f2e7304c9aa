"""The glossary names modules that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GLOSSARY = (ROOT / "docs" / "reference" / "glossary.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `([\w.]+)` \|$", GLOSSARY, re.MULTILINE)


def test_every_row_has_a_term_a_meaning_and_a_module() -> None:
    lines = [line for line in GLOSSARY.splitlines() if line.startswith("| ")]
    heads = [line for line in lines if line.startswith("| term ")]
    assert len(ROWS) == len(lines) - len(heads) > 50
    assert all(meaning.strip() for _, meaning, _ in ROWS)


def test_terms_are_listed_once_and_by_the_alphabet() -> None:
    for section in GLOSSARY.split("\n## ")[1:]:
        terms = [term.lower() for term, _, _ in ROWS if f"\n| {term} |" in section]
        assert terms == sorted(set(terms))


@pytest.mark.parametrize("module", sorted({module for _, _, module in ROWS}))
def test_a_named_module_exists(module: str) -> None:
    parts = module.split(".")
    folder = ROOT / "converters" if parts[0] == "edge_sdk_converters" else ROOT
    place = folder.joinpath(*parts)
    assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def test_the_page_on_the_architecture_leads_to_it() -> None:
    page = (ROOT / "docs" / "design" / "architecture.md").read_text("utf-8")
    assert "](../reference/glossary.md)" in page
