"""CPU time of every test, its child processes included: written down, or held to a limit."""

from __future__ import annotations

import builtins
import importlib
import json
import os
from collections.abc import Callable, Generator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class CpuTimes:
    """Plugin that measures each test without the imports that the first to need a library pays.

    Args:
        file: where each test appends a line ``{"test", "setup_s", "call_s", "import_s"}``.
        limit_s: CPU-seconds that the call of a test may take, or it fails.
    """

    def __init__(self, file: Path | None, limit_s: float | None) -> None:
        self.file = file
        self.limit_s = limit_s
        self.spent: dict[str, float] = {}
        self.import_s = 0.0
        self.importing = False

    def timed_import(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``original``, with the CPU time of outermost calls added to ``import_s``."""

        @wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if self.importing:
                return original(*args, **kwargs)
            self.importing, start = True, cpu_seconds()
            try:
                return original(*args, **kwargs)
            finally:
                self.importing = False
                self.import_s += cpu_seconds() - start

        return timed

    def measured(self, key: str) -> Generator[None, None, None]:
        """Measure one phase of a test, imports apart."""
        imports = builtins.__import__, importlib.import_module
        before, start = self.import_s, cpu_seconds()
        builtins.__import__, importlib.import_module = map(self.timed_import, imports)
        try:
            yield
        finally:
            builtins.__import__, importlib.import_module = imports
            self.spent[key] = cpu_seconds() - start - (self.import_s - before)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None, None, None]:
        self.spent, self.import_s = {}, 0.0
        yield from self.measured("setup_s")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        yield from self.measured("call_s")
        if self.limit_s is not None and self.spent["call_s"] > self.limit_s:
            pytest.fail(
                f"took {self.spent['call_s']:.1f} CPU-s, of {self.limit_s:g}: mark it slow",
                pytrace=False,
            )

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        if self.file is not None:
            line = {"test": item.nodeid, **self.spent, "import_s": self.import_s}
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")
