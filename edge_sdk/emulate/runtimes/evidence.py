"""What kind of thing ran a file, from the strongest evidence to the weakest; none is a phone."""

from __future__ import annotations

from enum import StrEnum


class Evidence(StrEnum):
    """How near what ran a file is to what runs it on a phone.

    Example:
        >>> from edge_sdk.emulate import Evidence
        >>> list(Evidence)[0].value
        "the chip vendor's emulator, on the very binary"
    """

    EMULATOR = "the chip vendor's emulator, on the very binary"
    VENDOR = "the vendor's own runtime"
    RUNTIME = "the runtime that phones have, on this processor"
    SHADERS = "the runtime's shaders, on a GPU in software"
    INTERPRETER = "our interpreter"
    COMPILED = "ahead of time only: converted, not run"
