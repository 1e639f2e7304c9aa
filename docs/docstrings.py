"""How docstrings read on the site: an extension of Griffe, see mkdocs.yml."""

from __future__ import annotations

import re

import griffe

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?(?:[\w.]*\.)?(\w+)`")
EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Sphinx roles become the names that they hold, and an example a section of code."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Rewrite the docstring of whatever was found."""
        if obj.docstring:
            text = ROLE.sub(r"`\1`", obj.docstring.value)
            obj.docstring.value = EXAMPLE.sub(r"\1Examples:", text)
