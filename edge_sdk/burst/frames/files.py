"""Frames from picture files into a spool, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_sdk.burst.frames.folder import inside, is_folder
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.frames.spool import Spool
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Metadata, Picture, convert_profile, profile_name
from edge_sdk.imaging.picture_files import looks_like_picture, read_decoded
from edge_sdk.imaging.previews import read_preview
from edge_sdk.imaging.reading import metadata_of, picture_of
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.outputs import is_same_file

MOST_NAMED = 3
"""Files that a note names one by one."""


def gather_frames(
    named: Sequence[Path], output: Path | None = None
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Frames that a user names: files as they are, and all pictures right inside a folder.

    Hidden files of a folder are none.

    Args:
        named: files and folders.
        output: picture to write, which is no frame where it lies in one of the folders already, as
            the result of an earlier zoom.

    Returns:
        The frames, those of a folder in the order of their names, numbers by their value; and the
        files of folders that are no pictures, which are passed over.

    Raises:
        InputError: if nothing is named, a folder holds no picture, or ``output`` may be one of its
            frames.
        PictureError: if a folder or a file in it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.burst.frames.files import gather_frames
        >>> Path("night").mkdir()
        >>> for name in ("10.png", "9.png"):
        ...     written = write_picture(Picture(torch.rand(3, 32, 48)), f"night/{name}")
        >>> count = Path("night/notes.txt").write_text("tripod")
        >>> frames, others = gather_frames([Path("night")])
        >>> [path.name for path in frames], [path.name for path in others]
        (['9.png', '10.png'], ['notes.txt'])
    """
    frames: list[Path] = []
    others: list[Path] = []
    for path in named:
        if not is_folder(path):
            frames.append(path)
            continue
        listed = inside(path).files
        files = [each for each in listed if output is None or not is_same_file(each, output)]
        pictures = [each for each in files if _looks_like_picture(each)]
        if not pictures:
            but = f" but {output}, which is to be written" if len(files) < len(listed) else ""
            raise InputError(
                f"{path}: holds no picture{but}; name the folder of a burst, or its files"
            )
        if output is not None and len(files) < len(listed):
            _check_is_result(output, pictures[0])
        frames += pictures
        others += [each for each in files if each not in pictures]
    if not frames:
        raise InputError("a burst needs at least one frame; name the files, or their folder")
    return tuple(frames), tuple(others)


def _check_is_result(output: Path, frame: Path) -> None:
    """Refuse to replace a picture in a folder of frames that is as large as they are."""
    sides = _sides(output)
    if sides and sides == _sides(frame):
        raise InputError(
            f"{output}: lies among the frames and is as large as they are, so that it may be one; "
            "give another name for the picture, or remove it first"
        )


def _sides(path: Path) -> set[int]:
    """Width and height of a picture, whichever way it is turned; none where it is damaged."""
    try:
        seen = read_preview(path)
    except PictureError:
        return set()
    return {seen.width, seen.height}


def _looks_like_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError as error:
        raise PictureError(
            f"{path}: is a link to a file that is gone; remove the link, or name the frames one by "
            "one"
        ) from error
    except OSError as error:
        raise PictureError(
            f"{path}: cannot be read ({error.strerror or error}); remove it from the folder, or "
            "name the frames one by one"
        ) from error
    return looks_like_picture(head)


@dataclass(frozen=True, eq=False)
class Spooled:
    """What the files of a burst held beside the pixels that were spooled.

    Attributes:
        held: for each file; its color profile is that of the first, in which all pixels are.
        notes: for people: which files had another color profile.
    """

    held: tuple[Metadata, ...]
    notes: tuple[str, ...] = ()


def spool_pictures(paths: Sequence[Path], spool: Spool) -> Spooled:
    """Read the frames of a burst into a spool; one is in memory at a time.

    Frames of another color profile than the first are converted to its, so that equal values are
    equal colors; a file without a profile is in sRGB.

    Args:
        paths: the files, at least one.
        spool: takes the pixels with the bits that the files have.

    Raises:
        InputError: if there are no files.
        PictureError: if one cannot be read, differs in size from the first, or has another color
            profile that cannot be converted.
        OutputError: if there is no room for the spool.
    """
    if not paths:
        raise InputError("a burst needs at least one frame; name the files")
    found: list[Metadata] = []
    other: list[tuple[Path, str]] = []
    for path in paths:
        decoded = read_decoded(path)
        height, width = decoded.samples.shape[:2]
        if spool.count and (height, width) != (spool.height, spool.width):
            raise PictureError(
                f"{path}: is {width}×{height} px but {paths[0]} is {spool.width}×{spool.height} "
                "px; the frames of a burst have one size: leave out what is none"
            )
        if not found or decoded.icc_profile == found[0].icc_profile:
            # As levels, without the way through values that ends at the same.
            colors = decoded.samples[..., : decoded.colors]
            spool.add_levels(colors if decoded.colors == 3 else colors.repeat(3, 2))
            found.append(metadata_of(decoded))
            continue
        picture = picture_of(decoded)
        converted = convert_profile(picture, found[0].icc_profile, str(path), str(paths[0]))
        if converted.pixels is not picture.pixels:
            other.append((path, profile_name(picture.metadata.icc_profile)))
        spool.add(converted.pixels, converted.metadata.bit_depth)
        found.append(converted.metadata)
    return Spooled(tuple(found), _profile_notes(paths[0], found[0].icc_profile, other))


def _profile_notes(
    first: Path, profile: bytes | None, other: Sequence[tuple[Path, str]]
) -> tuple[str, ...]:
    if not other:
        return ()
    names = ", ".join(path.name for path, _ in other[:MOST_NAMED])
    more = f" and {len(other) - MOST_NAMED} more" if len(other) > MOST_NAMED else ""
    kinds = ", ".join(dict.fromkeys(kind for _, kind in other))
    return (
        f"{names}{more}: converted from {kinds} to {profile_name(profile)}, the color profile of "
        f"{first.name}, which the result has too",
    )


def spooled_picture(
    source: FrameSource, index: int, metadata: Metadata, region: Rectangle | None = None
) -> Picture:
    """A frame, or a region of it, as a picture with what its file held.

    Args:
        source: the frames.
        index: 0-based frame.
        metadata: what its file held beside the pixels.
        region: part of it; ``None`` for all.
    """
    if region is None:
        region = Rectangle(left=0, top=0, width=source.width, height=source.height)
    rows = slice(region.top, region.top + region.height)
    columns = slice(region.left, region.left + region.width)
    pixels = source.rows(index, rows.start, rows.stop)[:, :, columns].contiguous()
    if metadata.alpha is not None:
        metadata = replace(metadata, alpha=metadata.alpha[:, rows, columns].contiguous())
    return Picture(pixels, metadata)
