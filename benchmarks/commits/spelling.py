"""British and American spelling of keys and words, between which versions differ."""

from __future__ import annotations

import re
from typing import Any

SPELLINGS = (
    ("(quant|optim|normal|palett|initial|recogn|parameter|minim)is", r"\1iz"),
    ("(col|neighb)our", r"\1or"),
    ("grey", "gray"),
    ("centre", "center"),
    ("centerd", "centered"),
)


def american(value: Any) -> Any:
    """The value with American spelling in all its texts."""
    if isinstance(value, dict):
        return {american(key): american(part) for key, part in value.items()}
    if isinstance(value, list):
        return [american(part) for part in value]
    if isinstance(value, str):
        for pattern, replacement in SPELLINGS:
            value = re.sub(pattern, replacement, value)
    return value
