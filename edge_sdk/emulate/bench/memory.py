"""Memory of this process and of those that it started: what is held now, and the most of it."""

from __future__ import annotations

import sys
from pathlib import Path

_SELF = Path("/proc/self")
_STATUS, _CLEAR = _SELF / "status", _SELF / "clear_refs"
_RESET_PEAK = "5"


def resident_bytes() -> int:
    """Bytes resident now; on systems without ``/proc``, the most so far."""
    return _of_all("VmRSS") if _STATUS.exists() else _largest()


def reset_peak() -> None:
    """Begin the peak again at what is resident now, where the system can (Linux)."""
    if _CLEAR.exists():
        _CLEAR.write_text(_RESET_PEAK)


def peak_bytes() -> int:
    """Most bytes resident since :func:`reset_peak`; elsewhere since the process began.

    A runtime in a process of its own counts whole, with what it needs without an artifact; the
    peaks of two processes are added, though they may not fall together.
    """
    return _of_all("VmHWM") if _STATUS.exists() else _largest()


def _of_all(field: str) -> int:
    return sum(_status(status, field) for status in (_STATUS, *_of_children()))


def _of_children() -> list[Path]:
    started = (pid for each in _SELF.glob("task/*/children") for pid in _pids(each))
    return [Path("/proc") / pid / "status" for pid in started]


def _pids(children: Path) -> list[str]:
    try:
        return children.read_text().split()
    except OSError:
        # A thread that has ended meanwhile has none.
        return []


def _status(status: Path, field: str) -> int:
    try:
        lines = status.read_text().splitlines()
    except OSError:
        # A process that has ended holds nothing.
        return 0
    for line in lines:
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    return 0


def _largest() -> int:
    import resource

    # macOS counts bytes, other systems kibibytes.
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
