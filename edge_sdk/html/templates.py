"""The templates of pages, in the folder ``templates``: they escape whatever is not markup."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from edge_sdk.html.markup import clean

if TYPE_CHECKING:
    from jinja2 import Environment

_NUMBER = re.compile(r"[+−-]?\d[^<]{0,23}")
"""Cells that stay on one line: a number and what belongs to it."""


def render(name: str, **values: object) -> str:
    """A whole page from the template ``name``."""
    return _environment().get_template(name).render(values)


def part(name: str, *arguments: object) -> Markup:
    """What a macro of ``parts.html`` makes of its arguments."""
    made: Markup = getattr(_parts(), name)(*arguments)
    return made


def source(name: str) -> Markup:
    """A file among the templates as it is."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704 - our own file


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("edge_sdk.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["numeric"] = lambda cell: _NUMBER.fullmatch(str(cell)) is not None
    return environment


@functools.cache
def _parts() -> Any:
    return _environment().get_template("parts.html").module


def _finalized(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
