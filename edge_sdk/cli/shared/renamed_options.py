"""Options that have had another name: the old one is answered with the new one."""

from __future__ import annotations

RENAMED_OPTIONS = {
    ("fuse", "--bit-worth"): "--bit-weight",
    ("quantize", "--cuts"): "--samples",
    ("quantize", "--shrink"): "--resize-factor",
}
"""Options by their command and the name that they had."""


def renamed_option(error: Exception) -> str | None:
    """One line that names an option's new name, if its old one is what a parser refuses.

    Args:
        error: what the parser of a command raised.
    """
    command = getattr(getattr(error, "ctx", None), "info_name", None)
    old = getattr(error, "option_name", None)
    new = RENAMED_OPTIONS.get((str(command), str(old)))
    return None if new is None else f"'{old}' has another name now; write '{new}'"
