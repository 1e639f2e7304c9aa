"""Marks of tests that need an extra: looked for, never imported, while tests are collected."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from edge_sdk.extras import install_command, is_installed


def needs(*extras: str) -> pytest.MarkDecorator:
    """Skip where a module of an extra is not installed, and name the command that adds it."""
    missing = [extra for extra in extras if not is_installed(extra)]
    return pytest.mark.skipif(bool(missing), reason=", ".join(map(install_command, missing)))


def each_needing(extras: Iterable[str]) -> list[object]:
    """Parameters, one an extra, that run where it is installed."""
    return [pytest.param(extra, marks=needs(extra)) for extra in extras]
