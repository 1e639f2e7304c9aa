"""Pictures that show the same: copies resized, compressed again or brightened a little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_sdk.curation.criteria.criterion import Criterion, Finding, Measured
from edge_sdk.curation.opened import OpenedPicture
from edge_sdk.errors import InputError

SIDE = 32
"""Rows and columns to which a picture is reduced."""
BITS = 64
_BLOCK = 1024
_NOTHING = 0.5
"""Difference between coefficients, in levels, that is rounding and not the picture."""

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NearDuplicates(Criterion):
    """Of pictures whose perceptual hashes are near each other, the largest is kept.

    Pictures are taken from the largest to the smallest, then by path; one whose hash differs from
    that of a picture kept before in at most ``most_bits`` bits is left out, in favor of the first
    such. So each that is left out is like one that is kept, and no two that are kept are alike.

    Attributes:
        most_bits: Hamming distance up to which two are alike, 0 to 32; unrelated photographs
            differ in 32 bits on average.

    Raises:
        InputError: if it is not in this range.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.curation import Measured, NearDuplicates
        >>> large = Measured(Path("large.png"), 800, 600, {"hash": "00000000000000ff"})
        >>> small = Measured(Path("small.jpg"), 400, 300, {"hash": "00000000000001ff"})
        >>> found = NearDuplicates().judge([small, large])
        >>> found[0].like.name, found[1]
        ('large.png', None)
    """

    name = "near-duplicate"
    most_bits: int = 6

    def __post_init__(self) -> None:
        if not 0 <= self.most_bits <= BITS // 2:
            raise InputError(
                f"bits in which near-duplicates differ must be 0 to {BITS // 2}, not "
                f"{self.most_bits}"
            )

    def measure(self, picture: OpenedPicture) -> Mapping[str, str]:
        """Hash of a picture, 16 hexadecimal digits."""
        return {"hash": f"{perceptual_hash(picture):016x}"}

    def judge(self, pictures: Sequence[Measured]) -> list[Finding | None]:
        """Leave out what is like a picture that is kept."""
        order = sorted(range(len(pictures)), key=lambda place: (-pictures[place].pixels, place))
        hashes = np.array([int(str(pictures[place].numbers["hash"]), 16) for place in order], "u8")
        found: list[Finding | None] = [None] * len(pictures)
        for rank, like in enumerate(first_alike(hashes, self.most_bits)):
            if like >= 0:
                kept = pictures[order[like]].path
                bits = int(np.bitwise_count(hashes[rank] ^ hashes[like]))
                found[order[rank]] = Finding(f"like {kept} but for {bits} of {BITS} bits", kept)
        return found


def perceptual_hash(picture: OpenedPicture) -> int:
    """Hash of what a picture shows, 64 bits.

    Luma (BT.601, transparent parts in middle gray) is reduced to the means of 32×32 blocks, and
    those are taken through a two-dimensional cosine transform. Of the coefficients of the lowest
    frequencies, 8×8 without the mean, and one more, each gives a bit: whether it is above
    their median. Brightness is in the mean alone and contrast scales all coefficients alike, so
    neither changes bits.

    Args:
        picture: of any size.
    """
    import cv2

    colors = picture.colors
    gray = cv2.cvtColor(colors, cv2.COLOR_RGB2GRAY) if colors.shape[2] == 3 else colors[..., 0]
    luma = gray.astype(np.float32)
    if picture.opacity is not None:
        luma = 127.5 + (luma - 127.5) * (picture.opacity.astype(np.float32) / 255)
    spectrum = cv2.dct(cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    lowest = np.append(spectrum[:8, :8].ravel()[1:], spectrum[8, 0])
    bits = lowest - np.median(lowest) > _NOTHING
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def first_alike(hashes: Hashes, most_bits: int) -> NDArray[np.int64]:
    """For each hash the first one kept before it that is near, or −1 where it is kept itself.

    Hashes are compared with kept ones alone, 1024 by 1024 at a time: 10,000 that are all kept take
    5·10⁷ comparisons, of about a nanosecond each.

    Args:
        hashes: uint64 [N], in the order in which they are considered.
        most_bits: largest distance of near ones.

    Returns:
        Places in ``hashes``, int64 [N].
    """
    like = np.full(len(hashes), -1, np.int64)
    kept = np.empty(0, np.int64)
    for start in range(0, len(hashes), _BLOCK):
        places = np.arange(start, min(start + _BLOCK, len(hashes)))
        for first in range(0, len(kept), _BLOCK):
            earlier = kept[first : first + _BLOCK]
            apart = np.bitwise_count(hashes[places, None] ^ hashes[None, earlier])
            near = apart <= most_bits
            hit = near.any(1)
            like[places[hit]] = earlier[near[hit].argmax(1)]
            places = places[~hit]
        fresh = []
        while len(places):
            one, places = places[0], places[1:]
            fresh.append(one)
            near = np.bitwise_count(hashes[places] ^ hashes[one]) <= most_bits
            like[places[near]] = one
            places = places[~near]
        kept = np.append(kept, np.array(fresh, np.int64))
    return like
