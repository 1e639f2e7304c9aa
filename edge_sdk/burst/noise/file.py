"""Noise of a camera as a JSON file: measured once, or by others, and given to later bursts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.stages.noise_map import LEVELS
from edge_sdk.errors import InputError
from edge_sdk.outputs import replacing

FORMAT = "edge-sdk noise"
VERSION = 1
VALUES = "sRGB-encoded, 0 to 1"
"""What levels and deviations are measured on."""
_GIVE = "give a file that `zoom --save-noise` wrote"
_REQUIRED = ("format", "version", "levels", "std")
_OPTIONAL = ("values", "coarse_std")


def noise_record(noise: Noise) -> dict[str, object]:
    """What :func:`write_noise` writes, as plain values, every digit that they have."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "values": VALUES,
        "levels": list(LEVELS),
        "std": noise.std.tolist(),
        "coarse_std": noise.coarse_std.tolist(),
    }


def write_noise(noise: Noise, path: str | Path) -> None:
    """Write noise as a JSON file that :func:`read_noise` and ``zoom --noise`` read.

    Args:
        noise: such as ``noise`` of a zoom's result.
        path: the file; one that exists is replaced.

    Raises:
        OutputError: if it cannot be written.

    Example:
        >>> from edge_sdk.burst import Noise, read_noise, write_noise
        >>> write_noise(Noise.white(0.02), "camera.json")
        >>> read_noise("camera.json").typical_std
        0.02
    """
    record = noise_record(noise)
    rows = [f"  {json.dumps(key)}: {_laid_out(value)}" for key, value in record.items()]
    with replacing(Path(path)) as temporary:
        temporary.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def read_noise(path: str | Path) -> Noise:
    """Read noise from a JSON file, whose keys the reference of the driver lists.

    Args:
        path: the file.

    Returns:
        Its curves, at ``LEVELS``.

    Raises:
        InputError: of one line that names file and key, if the file cannot be read, is no JSON, has
            another format or version, lacks a key or has an unknown one, or a number is not finite,
            out of range or one of too many or too few.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.burst import read_noise
        >>> text = '{"format": "edge-sdk noise", "version": 1, "levels": [0.5], "std": [0.01]}'
        >>> count = Path("camera.json").write_text(text)
        >>> read_noise("camera.json").is_white
        True
    """
    try:
        return _noise(_parsed(Path(path)))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError("no such file; check the path") from error
    except IsADirectoryError as error:
        raise InputError("is a folder; give the name of a file") from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from error
    try:
        record = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON; {_GIVE}") from error
    if not isinstance(record, dict):
        raise InputError(f"must be one JSON object; {_GIVE}")
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{twice}: stands there twice; leave one")
    return found


def _noise(record: dict[str, Any]) -> Noise:
    if record.get("format") != FORMAT:
        raise InputError(f"format: must be {FORMAT!r}, not {_cut(record.get('format'))}; {_GIVE}")
    version = record.get("version")
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        advice = "update edge-sdk" if newer else _GIVE
        raise InputError(f"version: must be {VERSION}, not {_cut(version)}; {advice}")
    for key in _REQUIRED:
        if key not in record:
            raise InputError(f"{key}: is missing; add it")
    for key in record:
        if key not in (*_REQUIRED, *_OPTIONAL):
            known = ", ".join((*_REQUIRED, *_OPTIONAL))
            raise InputError(f"{key}: is not a key of this format; leave it out (keys: {known})")
    if record.get("values", VALUES) != VALUES:
        raise InputError(
            f"values: must be {VALUES!r}, not {_cut(record['values'])}; convert the curves"
        )
    levels = _numbers(record["levels"], "levels")
    coarse = record.get("coarse_std")
    return Noise.at_levels(
        levels,
        _curves(record["std"], "std"),
        None if "coarse_std" not in record else _curves(coarse, "coarse_std"),
    )


def _curves(value: Any, key: str) -> list[list[float]]:
    """Three lists of numbers; one list stands for three."""
    if isinstance(value, list) and value and all(isinstance(part, list) for part in value):
        return [_numbers(part, key) for part in value]
    return [_numbers(value, key)] * 3


def _numbers(value: Any, key: str) -> list[float]:
    if not isinstance(value, list) or not value:
        raise InputError(f"{key}: must be a list of numbers, not {_cut(value)}")
    for part in value:
        if isinstance(part, bool) or not isinstance(part, int | float):
            raise InputError(f"{key}: must hold numbers alone, not {_cut(part)}")
        if isinstance(part, int) and part not in (0, 1):
            advice = "; divide 8-bit levels by 255" if part > 1 else ""
            raise InputError(f"{key}: must be numbers in [0, 1], not {_cut(part)}{advice}")
    return [float(part) for part in value]


def _cut(value: Any) -> str:
    """A value as JSON has it, its beginning if it is long."""
    return json.dumps(value)[:40]


def _laid_out(value: object) -> str:
    """One line, or for curves of three colors a line for each."""
    if isinstance(value, list) and isinstance(value[0], list):
        return "[\n" + ",\n".join(f"    {json.dumps(row)}" for row in value) + "\n  ]"
    return json.dumps(value)
