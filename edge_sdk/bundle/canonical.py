"""Canonical JSON: one form of bytes for one content, so that a signature is over the content.

Values are objects, arrays, strings of printable ASCII without quotes and backslashes, integers of
at most 53 bits, and booleans. Keys are sorted, nothing lies between tokens. So any language writes
the same bytes, and whoever reads them can tell whether they are these.
"""

from __future__ import annotations

import json
from typing import Any

from edge_sdk.errors import BundleError

MOST_BYTES = 1 << 20
"""Size of the largest text that is read."""
MOST_DEPTH = 8
MOST_INTEGER = (1 << 53) - 1


def canonical(value: object) -> bytes:
    """Write a value in its canonical form.

    Raises:
        BundleError: if it holds what has none.

    Example:
        >>> from edge_sdk.bundle.canonical import canonical
        >>> canonical({"b": [1, True], "a": "x"})
        b'{"a":"x","b":[1,true]}'
    """
    _check(value, 0)
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def is_plain(text: str) -> bool:
    """Whether a text is printable ASCII without quotes and backslashes."""
    return all(" " <= sign <= "~" and sign not in '"\\' for sign in text)


def read_canonical(text: bytes, name: str) -> dict[str, Any]:
    """Read an object from its canonical form, and refuse any other.

    Args:
        text: the bytes.
        name: of the file, for messages.

    Raises:
        BundleError: if it is too long, no object, or not in that form.
    """
    if len(text) > MOST_BYTES:
        raise BundleError(
            f"{name}: has {len(text)} bytes, more than {MOST_BYTES}; pack it anew", "manifest"
        )
    try:
        value = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"{name}: is no JSON of ASCII text; pack the bundle anew", "manifest"
        ) from error
    try:
        same = isinstance(value, dict) and canonical(value) == text
    except BundleError as error:
        raise BundleError(f"{name}: {error}", "manifest") from error
    if not same:
        raise BundleError(f"{name}: is not in canonical form; pack the bundle anew", "manifest")
    found: dict[str, Any] = value
    return found


def _check(value: object, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise BundleError(
            f"is nested deeper than {MOST_DEPTH} levels; pack the bundle anew", "manifest"
        )
    if isinstance(value, dict):
        for key, entry in value.items():
            _check(key, depth + 1)
            _check(entry, depth + 1)
    elif isinstance(value, list | tuple):
        for entry in value:
            _check(entry, depth + 1)
    elif isinstance(value, str):
        if not is_plain(value):
            raise BundleError(
                f"holds the text {ascii(value)[:60]}, which is not plain ASCII", "manifest"
            )
    elif isinstance(value, bool):
        pass
    elif not isinstance(value, int) or abs(value) > MOST_INTEGER:
        raise BundleError("holds a number that is no integer of 53 bits, or null", "manifest")
