"""Records are read as they are typed, and what does not fit is named by its key in one line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.json_records import Head, from_json


@dataclass(frozen=True)
class Part:
    name: str
    sides: tuple[int, int]
    share: float | None = None


@dataclass(frozen=True)
class Whole(Head):
    parts: tuple[Part, ...]
    files: dict[str, str]


PARTS = st.builds(
    Part,
    st.text(st.characters(codec="utf-8")),
    st.tuples(st.integers(-(2**60), 2**60), st.integers(0, 9)),
    st.none() | st.floats(allow_nan=False),
)
WHOLES = st.builds(
    Whole,
    st.just("whole"),
    st.integers(0, 9),
    st.lists(PARTS).map(tuple),
    st.dictionaries(st.sampled_from("abc"), st.just("x")),
)


@pytest.mark.slow
@given(WHOLES, st.booleans())
def test_a_record_comes_back_as_it_was_with_every_bit_of_its_numbers(
    whole: Whole, ascii_alone: bool
) -> None:
    text = json.dumps({**asdict(whole), "later": [1]}, indent=1, ensure_ascii=ascii_alone)
    assert from_json(Whole, text) == whole
    assert from_json(Whole, text.encode()) == whole
    assert from_json(list[Whole], f"[{text}, {text}]") == [whole, whole]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "2"}, "version: "),
        ({"version": 2.5}, "version: "),
        ({"parts": None}, "parts: "),
        ({"parts": [{"name": "a", "sides": [1]}]}, "parts.0.sides.1: Field required"),
        ({"parts": [{"sides": [1, 2]}]}, "parts.0.name: Field required"),
        ({"files": {"a": 3}}, "files.a: "),
    ],
)
def test_what_does_not_fit_is_named_by_its_key(changes: dict, message: str) -> None:
    record = {"format": "whole", "version": 2, "parts": [], "files": {}, **changes}
    with pytest.raises(InputError) as error:
        from_json(Whole, json.dumps(record))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "nul", b"\xff", "{" * 5000, "[" * 5000])
def test_what_is_no_record_is_refused_in_one_line(text: str | bytes) -> None:
    with pytest.raises(InputError) as error:
        from_json(Whole, text)
    assert str(error.value)
    assert "\n" not in str(error.value)
