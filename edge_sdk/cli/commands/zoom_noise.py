"""Noise of a burst on the command line: given by a number or a file, and written as one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.errors import InputError
from edge_sdk.outputs import check_writable, is_same_file

if TYPE_CHECKING:
    from edge_sdk.burst import Noise

_ASK = "noise must be 0 to 255 levels, or a .json file"


def given_noise(text: str) -> Noise:
    """Noise as ``--noise`` names it: by one number of 8-bit levels, or by a file of curves.

    Raises:
        InputError: if the number is out of range, or as :func:`read_noise` does.
    """
    from edge_sdk.burst.noise.curve import Noise
    from edge_sdk.burst.noise.file import read_noise

    try:
        levels = float(text)
    except ValueError:
        if Path(text).suffix.lower() != ".json" and not os.path.lexists(text):
            raise InputError(f"{_ASK}, not {text!r}") from None
        return read_noise(text)
    if not 0 <= levels <= 255:
        raise InputError(f"{_ASK}, not {text}")
    return Noise.white(levels / 255)


def check_noise_path(path: Path, others: Sequence[Path | None]) -> None:
    """Fail before the work where the noise could not be written, or over something else.

    Args:
        path: where ``--save-noise`` is to write.
        others: frames, the noise that is given, and other results.

    Raises:
        InputError: if it is one of ``others``, or not named ``.json``.
        OutputError: if it cannot be written.
    """
    if any(other is not None and is_same_file(other, path) for other in others):
        raise InputError(
            f"{path}: is a frame, the given noise or another result; give the noise another name"
        )
    if path.suffix.lower() != ".json":
        raise InputError(f"{path}: is JSON; give --save-noise a name that ends in .json")
    check_writable(path)
