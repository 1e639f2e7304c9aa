"""Memory of this process: what it holds now, and the most that it held."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def resident_bytes() -> int:
    """Bytes resident now; on systems without ``/proc``, the most so far."""
    return _status("VmRSS") if _STATUS.exists() else _largest()


def reset_peak() -> None:
    """Begin the peak again at what is resident now, where the system can (Linux)."""
    if _CLEAR.exists():
        _CLEAR.write_text(_RESET_PEAK)


def peak_bytes() -> int:
    """Most bytes resident since :func:`reset_peak`; elsewhere since the process began."""
    return _status("VmHWM") if _STATUS.exists() else _largest()


def _status(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    return 0


def _largest() -> int:
    import resource

    # macOS counts bytes, other systems kibibytes.
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
