"""JSON read as frozen dataclasses; whatever does not fit is named by its key."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Record = TypeVar("Record")


@dataclass(frozen=True)
class Head:
    """What every record begins with.

    Attributes:
        format: what it describes.
        version: of its keys.
    """

    format: str
    version: int


def from_json(kind: type[Record], text: str | bytes) -> Record:
    """Read JSON as a dataclass, or as standard containers of dataclasses.

    Types are strict: a number is no text and a text no number, but an integer is a float too, and
    arrays become tuples. Keys that ``kind`` does not have are left out.

    Args:
        kind: the type.
        text: UTF-8 if bytes.

    Raises:
        InputError: of one line, which names the first key that does not fit and says why.

    Example:
        >>> from edge_sdk.json_records import Head, from_json
        >>> from_json(Head, '{"format": "edge-sdk pairs", "version": 2, "scale": 3}')
        Head(format='edge-sdk pairs', version=2)
        >>> from_json(list[Head], '[{"format": "edge-sdk pairs", "version": "2"}]')
        Traceback (most recent call last):
        edge_sdk.errors.InputError: 0.version: Input should be a valid integer
    """
    from pydantic import ValidationError

    known: Any = kind
    adapter: TypeAdapter[Record] = _adapter(known)
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = "".join(f"{part}." for part in first["loc"]).removesuffix(".")
        raise InputError(": ".join(filter(None, (key, first["msg"])))) from error


def read_record(kind: type[Record], text: str | bytes, head: Head) -> Record:
    """Read JSON as a dataclass, if it begins with a format and a version.

    Args:
        kind: the type.
        text: UTF-8 if bytes.
        head: what it must begin with.

    Raises:
        InputError: of one line: another format, another version, or what does not fit.

    Example:
        >>> from edge_sdk.json_records import Head, read_record
        >>> text = '{"format": "edge-sdk pairs", "version": 2}'
        >>> read_record(Head, text, Head("edge-sdk pairs", 1))
        Traceback (most recent call last):
        edge_sdk.errors.InputError: is edge-sdk pairs of version 2, not 1
    """
    found = from_json(Head, text)
    if found.format != head.format:
        raise InputError(f"is no {head.format}")
    if found.version != head.version:
        raise InputError(f"is {head.format} of version {found.version}, not {head.version}")
    return from_json(kind, text)


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
