"""What a phone's self-test wrote, held against the gates of a bundle.

An app runs the golden vectors of a bundle on each of its backends and writes ``device.json``::

    {"format": "edge-sdk device", "version": 1, "device": "Pixel 7", "system": "Android 14",
     "bundle": "SHA-256 of manifest.json", "results": [{"variant": "tflite int8", "stage": "decode",
     "backend": "XNNPACK", "snr_db": 47.5, "milliseconds": 4.2}]}
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.errors import InputError
from edge_sdk.json_records import Head, read_record

FORMAT, VERSION = "edge-sdk device", 1


@dataclass(frozen=True)
class DeviceResult:
    """One graph on one backend.

    Attributes:
        variant: target, precision, and the chip if it is for one, joined by a space.
        stage: what it computes.
        backend: what ran it on the phone.
        snr_db: signal over noise against the golden vector; at most 999.
        milliseconds: of one run.
    """

    variant: str
    stage: str
    backend: str
    snr_db: float
    milliseconds: float


@dataclass(frozen=True)
class SelfTest:
    """Contents of ``device.json``.

    Attributes:
        device: model of the phone.
        system: its system, with version.
        bundle: SHA-256 of the manifest that was tested.
        results: of each graph on each backend.
    """

    device: str
    system: str
    bundle: str
    results: tuple[DeviceResult, ...]


def read_self_test(path: Path) -> SelfTest:
    """Read ``device.json``.

    Raises:
        InputError: of one line, if it cannot be read, or does not fit.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        found = read_record(SelfTest, text, Head(FORMAT, VERSION))
    except InputError as error:
        raise InputError(
            f"{path}: {error}; let the app write it again, or update it or the SDK"
        ) from error
    if not all(each.snr_db <= 999 and 0 <= each.milliseconds < math.inf for each in found.results):
        raise InputError(f"{path}: holds a figure that is none; let the app write it again")
    return found
