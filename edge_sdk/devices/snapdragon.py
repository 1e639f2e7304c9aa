"""Qualcomm's chips whose neural processor, the Hexagon Tensor Processor (HTP), files are made for.

A file compiled for one of them holds that chip's own machine code: another may refuse it or, worse,
an emulator that is not told which one it is may compute in other arithmetic than the chip does.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from edge_sdk.errors import InputError

USUAL = "SM8650"
"""Chip that files are made for where none is named."""


@dataclass(frozen=True)
class Snapdragon:
    """A chip, and by what numbers Qualcomm's libraries know it.

    Attributes:
        name: number of the part, such as ``SM8650``.
        sold_as: name in shops.
        soc_model: the chip in QNN's table of chips.
        htp_arch: version of its Hexagon architecture.

    Example:
        >>> from edge_sdk.devices.snapdragon import find_snapdragon
        >>> find_snapdragon("sm8650").htp_arch
        75
    """

    name: str
    sold_as: str
    soc_model: int
    htp_arch: int


SNAPDRAGONS: dict[str, Snapdragon] = {
    chip.name: chip
    for chip in (
        Snapdragon("SM8350", "Snapdragon 888", 30, 68),
        Snapdragon("SM8450", "Snapdragon 8 Gen 1", 36, 69),
        Snapdragon("SM8550", "Snapdragon 8 Gen 2", 43, 73),
        Snapdragon("SM8650", "Snapdragon 8 Gen 3", 57, 75),
        Snapdragon("SM8750", "Snapdragon 8 Elite", 69, 79),
        Snapdragon("SM8850", "Snapdragon 8 Elite Gen 5", 87, 81),
    )
}
"""Chips that are known, by the number of the part."""


def find_snapdragon(name: str) -> Snapdragon:
    """The chip of a part's number, upper or lower case.

    Raises:
        InputError: if it is unknown; the message names the nearest and lists all.

    Example:
        >>> from edge_sdk.devices.snapdragon import find_snapdragon
        >>> find_snapdragon("SM8651")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: unknown chip 'SM8651'; did you mean SM8650? ...
    """
    found = SNAPDRAGONS.get(name.strip().upper())
    if found is None:
        near = difflib.get_close_matches(name.strip().upper(), SNAPDRAGONS, 1, 0.6)
        meant = f"did you mean {near[0]}? " if near else ""
        raise InputError(f"unknown chip '{name}'; {meant}choose one of: {', '.join(SNAPDRAGONS)}")
    return found
