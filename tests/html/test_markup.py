from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from edge_sdk.figures import counted, decibels, in_bytes, power, ratio
from edge_sdk.html.charts import before_after, level, margin, strip
from edge_sdk.html.markup import element, join
from edge_sdk.html.page import Section, page, paragraph, table

TEXT = st.text(max_size=30)
LOST = "\N{REPLACEMENT CHARACTER}"


@given(TEXT, TEXT)
def test_any_text_comes_back_from_the_page_as_it_was(text: str, value: str) -> None:
    found = ElementTree.fromstring(element("p", text, label=value))
    assert [sign for sign in found.text or "" if sign.isprintable() and sign != LOST] == [
        sign for sign in text if sign.isprintable() and sign != LOST
    ]
    assert len(found) == 0
    assert found.attrib.keys() == {"label"}


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\r", "\ud800", "\ufffe", "\uffff"])
def test_what_no_page_can_hold_is_marked(sign: str) -> None:
    found = ElementTree.fromstring(element("p", f"a{sign}b"))
    assert found.text == f"a{LOST}b"


def test_markup_is_not_escaped_twice_and_text_always_is() -> None:
    inner = element("b", "<&>")
    assert inner == "<b>&lt;&amp;&gt;</b>"
    assert element("p", inner, "<i>") == "<p><b>&lt;&amp;&gt;</b>&lt;i&gt;</p>"
    assert isinstance(join((inner, "x")), Markup)
    assert element("rect", x=1.0, class_="a", height=None) == '<rect x="1" class="a"/>'


@given(TEXT, TEXT, TEXT)
def test_pages_are_well_formed_whatever_they_hold(title: str, lead: str, cell: str) -> None:
    made = page(title, [lead], [Section(title, (paragraph(lead), table((cell,), [(cell,)])))])
    ElementTree.fromstring(made.partition("\n")[2])


@pytest.mark.parametrize("cell", ["5.07 KiB", "+0.50, −0.30", "−3 dB", "0.00392, zero at -128"])
def test_numbers_in_tables_stay_on_one_line(cell: str) -> None:
    (found,) = ElementTree.fromstring(table(("a",), [(cell,)])).iter("td")
    assert found.get("class") == "number"
    assert found.get("data-label") == "a"


@pytest.mark.parametrize("cell", ["words", "12 words that may well be broken", "", "—"])
def test_words_in_tables_may_be_broken(cell: str) -> None:
    (found,) = ElementTree.fromstring(table(("a",), [(cell,)])).iter("td")
    assert found.get("class") is None


def test_wide_tables_are_scrolled_and_their_words_not_cut() -> None:
    made = page("title", [], [Section("part", (table(("a",), [("b",)]),))])
    assert '<div class="wide"><table>' in made
    style = made.partition("<style>")[2].partition("</style>")[0]
    (body,) = re.findall(r"\nbody {([^}]*)}", style)
    # With `anywhere` the narrowest column is one letter wide.
    assert "overflow-wrap: break-word" in body
    assert re.search(r"\.wide { overflow-x: auto", style)


@given(st.floats(0, 1e15), st.floats(0, 1e15))
def test_charts_stay_within_their_frame(first: float, second: float) -> None:
    for chart in (
        before_after(first, second, ("a", "b")),
        margin(first, 1e-4),
        level(first, "x", top=60.0, threshold=24.0),
        strip([(first, "a", "b"), (second, "c", "d")], first + second, "e"),
    ):
        for rect in ElementTree.fromstring(chart).iter("rect"):
            width = rect.get("width", "")
            limit = 100.01 if width.endswith("%") else 1000.01
            assert 0 <= float(width.rstrip("%")) <= limit
            assert float(rect.get("x", "0")) + float(width.rstrip("%")) <= 1000.01


def test_numbers_for_people() -> None:
    assert [counted(value) for value in (0, 999, 1000, 12_345, 3_000_000)] == [
        "0", "999", "1 k", "12.3 k", "3 M",
    ]  # fmt: skip
    assert [in_bytes(value) for value in (0, 1023, 1024, 3 * 2**20)] == [
        "0 B", "1023 B", "1 KiB", "3 MiB",
    ]  # fmt: skip
    assert ratio(10, 4) == "2.5× less"
    assert ratio(4, 10) == "2.5× more"
    assert ratio(4, 4) == "the same"
    assert ratio(4, 0) == "—"
    assert decibels(float("inf")) == "exact"
    assert decibels(None) == "—"
    assert power(1.7e-15) == "1.7·10⁻¹⁵"
    assert power(1e-11) == "10⁻¹¹"
    assert power(0.0) == "0"
