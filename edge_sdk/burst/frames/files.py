"""Frames from picture files into a spool, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge_sdk.burst.frames.source import Spool
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Metadata, Picture, read_picture
from edge_sdk.imaging.rectangle import Rectangle


def spool_pictures(paths: Sequence[Path], spool: Spool) -> list[Metadata]:
    """Read the frames of a burst into a spool; one is in memory at a time.

    Args:
        paths: the files, at least one.
        spool: takes the pixels with the bits that the files have.

    Returns:
        What each file held beside its pixels.

    Raises:
        InputError: if there are no files.
        PictureError: if one cannot be read, or differs in size from the first.
        OutputError: if there is no room for the spool.
    """
    if not paths:
        raise InputError("a burst needs at least one frame; name the files")
    found = []
    for path in paths:
        picture = read_picture(path)
        if spool.count and (picture.height, picture.width) != (spool.height, spool.width):
            raise PictureError(
                f"{path}: is {picture.width}×{picture.height} px but {paths[0]} is {spool.width}×"
                f"{spool.height} px; the frames of a burst have one size"
            )
        spool.add(picture.pixels, picture.metadata.bit_depth)
        found.append(picture.metadata)
    return found


def spooled_picture(
    spool: Spool, index: int, metadata: Metadata, region: Rectangle | None = None
) -> Picture:
    """A frame, or a region of it, as a picture with what its file held.

    Args:
        spool: the frames.
        index: 0-based frame.
        metadata: what its file held beside the pixels.
        region: part of it; ``None`` for all.
    """
    if region is None:
        region = Rectangle(left=0, top=0, width=spool.width, height=spool.height)
    rows = slice(region.top, region.top + region.height)
    columns = slice(region.left, region.left + region.width)
    pixels = spool.rows(index, rows.start, rows.stop)[:, :, columns].contiguous()
    if metadata.alpha is not None:
        metadata = replace(metadata, alpha=metadata.alpha[:, rows, columns].contiguous())
    return Picture(pixels, metadata)
