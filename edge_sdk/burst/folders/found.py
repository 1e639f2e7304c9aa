"""What makes pictures a burst, and what is found in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_sdk.burst.folders.capture_time import TimeSource
from edge_sdk.errors import InputError

DEFAULT_GAP_S = 2.0
"""More than the second to which EXIF without fractions is rounded, less than a new aim takes."""


@dataclass(frozen=True)
class BurstRules:
    """What makes pictures of a folder a burst.

    Attributes:
        gap_s: seconds between two pictures up to which they may belong together.
        min_frames: pictures that a burst has at least.

    Raises:
        InputError: if the gap is negative, or a burst would have less than two frames.

    Example:
        >>> from edge_sdk.burst import BurstRules
        >>> BurstRules(gap_s=0.5).min_frames
        2
    """

    gap_s: float = DEFAULT_GAP_S
    min_frames: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.gap_s < float("inf"):
            raise InputError(f"the gap must be 0 seconds or more, not {self.gap_s:g}")
        if self.min_frames < 2:
            raise InputError(f"a burst has at least 2 frames, not {self.min_frames}")


@dataclass(frozen=True)
class FoundBurst:
    """Pictures of one scene that were taken one after another.

    Attributes:
        name: ``burst_01`` and so on, by time.
        frames: the files, in the order of their times.
        start: date and time of the first.
        seconds: from the first to the last.
        time_from: how the times are known.
        width: columns of each picture, upright.
        height: rows.
        camera: maker and model; empty where EXIF does not say.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk import zoom_files
        >>> from edge_sdk.burst import find_bursts
        >>> def zoom_longest(folder: Path) -> None:
        ...     longest = max(find_bursts(folder).bursts, key=lambda burst: len(burst.frames))
        ...     zoom_files(longest.frames, f"{longest.name}.png")
    """

    name: str
    frames: tuple[Path, ...]
    start: str
    seconds: float
    time_from: TimeSource
    width: int
    height: int
    camera: str


@dataclass(frozen=True)
class SkippedFile:
    """A file that is in no burst because it could not be looked at.

    Attributes:
        path: the file.
        reason: why, for people.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.burst import find_bursts
        >>> Path("card").mkdir()
        >>> written = write_picture(Picture(torch.rand(3, 48, 64)), "card/whole.png")
        >>> count = Path("card/half.png").write_bytes(written.path.read_bytes()[:900])
        >>> [file.path.name for file in find_bursts("card").skipped]
        ['half.png']
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class FoundBursts:
    """What is in a camera's folder.

    Attributes:
        folder: that was looked through.
        bursts: by time.
        singles: pictures that are in no burst.
        not_pictures: files of other kinds.
        skipped: pictures that cannot be read.
        folders: folders inside, which were not entered.
        by_file_time: pictures without a time of their own, for which the file's was taken.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.burst import find_bursts
        >>> Path("phone").mkdir()
        >>> written = write_picture(Picture(torch.rand(3, 48, 64)), "phone/alone.png")
        >>> found = find_bursts("phone")
        >>> found.bursts, [path.name for path in found.singles], found.by_file_time
        ((), ['alone.png'], 1)
    """

    folder: Path
    bursts: tuple[FoundBurst, ...]
    singles: tuple[Path, ...]
    not_pictures: tuple[Path, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    folders: tuple[Path, ...] = ()
    by_file_time: int = 0
