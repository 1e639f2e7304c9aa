"""Names of files in a bundle: safe on every system that a bundle may be unpacked on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_sdk.errors import BundleError

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
GOLDEN, BURSTS, DRIVER = "golden.json", "bursts.json", "driver.json"
CERTIFICATE, CARD = "certificate.json", "card.md"
MOST_LENGTH, MOST_PARTS = 160, 5
_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def check_name(name: str) -> None:
    """Refuse a name that could lead outside a folder, or mean something else on another system.

    Parts of ASCII letters, digits, dots, dashes and underscores, joined by ``/``; each begins and
    ends with a letter or digit and is no name of a device.

    Raises:
        BundleError: if it is something else.

    Example:
        >>> from edge_sdk.bundle.names import check_name
        >>> check_name("decode.mlpackage/Manifest.json")
        >>> check_name("../decode.pte")
        Traceback (most recent call last):
        edge_sdk.errors.BundleError: '../decode.pte' is no name for a file of a bundle; ...
    """
    parts = name.split("/")
    fine = len(name) <= MOST_LENGTH and len(parts) <= MOST_PARTS
    if not fine or not all(
        _PART.fullmatch(part) and not _RESERVED.fullmatch(part) for part in parts
    ):
        shown = ascii(name if len(name) <= MOST_LENGTH else f"{name[:40]}…")
        raise BundleError(
            f"{shown} is no name for a file of a bundle; refuse it, or pack the bundle anew", "name"
        )


def check_names(names: Iterable[str]) -> None:
    """Refuse names of which two could be one file, or one the folder of another.

    Raises:
        BundleError: as :func:`check_name`, or naming the two.
    """
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        check_name(name)
        lower = name.lower()
        other = seen.get(lower, folders.get(lower))
        parts = lower.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        other = other or next((seen[each] for each in above if each in seen), None)
        if other is not None:
            raise BundleError(f"{name} and {other} cannot lie in one bundle; pack it anew", "name")
        seen[lower] = name
        folders.update(dict.fromkeys(above, name))
