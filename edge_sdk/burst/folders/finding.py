"""A camera's folder split into bursts, by time and likeness."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edge_sdk.burst.folders.capture_time import CaptureTime, TimeSource, capture_time
from edge_sdk.burst.folders.found import BurstRules, FoundBurst, FoundBursts, SkippedFile
from edge_sdk.burst.folders.likeness import likeness
from edge_sdk.burst.frames.folder import by_number, inside
from edge_sdk.errors import EdgeSdkError, InputError
from edge_sdk.imaging.picture_files import looks_like_picture
from edge_sdk.imaging.previews import Preview, read_preview
from edge_sdk.progress import Progress, silent

LEAST_LIKENESS = 0.8
"""Between frames of bursts, 0.95 at least on those looked at, and other scenes, 0.66 at most."""
MAX_THREADS = 4
_MAKE, _MODEL = 0x010F, 0x0110
_TRANSPOSED = (5, 6, 7, 8)
"""EXIF orientations that stand upright when height and width are exchanged."""


@dataclass(frozen=True, eq=False)
class _Shot:
    path: Path
    time: CaptureTime
    preview: Preview

    @property
    def camera(self) -> str:
        make, model = (str(self.preview.exif.get(tag, "")).strip(" \0") for tag in (_MAKE, _MODEL))
        return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()

    @property
    def kind(self) -> tuple[object, ...]:
        """What all pictures of a burst have in common."""
        seen = self.preview
        return (
            seen.container,
            seen.width,
            seen.height,
            seen.orientation,
            self.camera,
            self.time.source,
        )


def find_bursts(
    folder: str | Path, rules: BurstRules | None = None, on_progress: Progress | None = None
) -> FoundBursts:
    """Split the pictures right inside a folder into bursts.

    Two pictures that follow each other belong together if they are of one size, orientation, format
    and camera, were taken within ``gap_s`` of each other, and show one scene: previews of 32×24
    pixels correlate by 0.8 after the best shift. Files are looked at and not decoded whole, as far
    as their formats allow.

    Args:
        folder: of a camera, in which pictures of several bursts lie.
        rules: what makes a burst.
        on_progress: told of every file.

    Raises:
        InputError: if there is no such folder, or it holds no picture.
        PictureError: if the folder cannot be read.

    Example:
        >>> import os
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.burst import find_bursts
        >>> scenes = resize_bicubic(torch.rand(2, 3, 6, 8), 8).clamp(0, 1)
        >>> Path("DCIM").mkdir()
        >>> for scene, second in ((0, 1), (0, 2), (1, 3), (1, 4), (0, 30)):
        ...     name = f"DCIM/IMG_20240101_1200{second:02d}.png"
        ...     written = write_picture(Picture(scenes[scene]), name)
        >>> found = find_bursts("DCIM")
        >>> [[path.name[-6:-4] for path in burst.frames] for burst in found.bursts]
        [['01', '02'], ['03', '04']]
        >>> [path.name for path in found.singles]
        ['IMG_20240101_120030.png']
    """
    rules, report, folder = rules or BurstRules(), on_progress or silent, Path(folder)
    listed = inside(folder)
    files, folders = listed.files, listed.folders
    pictures = [path for path in files if _is_picture(path)]
    others = set(files) - set(pictures)
    if not pictures:
        inner = f", and its folders, such as {folders[0].name}, are not entered" if folders else ""
        raise InputError(f"{folder}: holds no picture{inner}; name the folder of a camera")
    shots: list[_Shot] = []
    skipped: list[SkippedFile] = []
    # Threads that silence warnings, each for itself, undo what others do.
    with warnings.catch_warnings(action="ignore"):
        for done, found in enumerate(_looked_at(pictures), 1):
            if isinstance(found, _Shot):
                shots.append(found)
            else:
                skipped.append(found)
            report("look", done, len(pictures))
    groups = sorted(_groups(shots, rules.gap_s), key=lambda group: _order(group[0]))
    large = [group for group in groups if len(group) >= rules.min_frames]
    digits = max(2, len(str(len(large))))
    singles = [shot.path for group in groups if len(group) < rules.min_frames for shot in group]
    return FoundBursts(
        folder,
        tuple(_burst(f"burst_{number:0{digits}}", group) for number, group in enumerate(large, 1)),
        tuple(singles),
        tuple(path for path in files if path in others),
        tuple(skipped),
        folders,
        sum(shot.time.source is TimeSource.FILE for shot in shots),
    )


def _is_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return looks_like_picture(file.read(12))
    except OSError:
        # Whoever looks at it says what is wrong.
        return True


def _looked_at(paths: Sequence[Path]) -> Iterator[_Shot | SkippedFile]:
    count = min(MAX_THREADS, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(count, "look")
    try:
        yield from pool.map(_look, paths)
    finally:
        pool.shutdown(cancel_futures=True)


def _look(path: Path) -> _Shot | SkippedFile:
    try:
        preview = read_preview(path)
        return _Shot(path, capture_time(preview.exif, path), preview)
    except EdgeSdkError as error:
        return SkippedFile(path, str(error).removeprefix(f"{path}: "))


def _order(shot: _Shot) -> tuple[float, list[tuple[int, str]]]:
    return shot.time.seconds, by_number(shot.path)


def _groups(shots: Sequence[_Shot], gap_s: float) -> list[list[_Shot]]:
    """Runs of pictures that belong together; several cameras may have taken turns."""
    kinds: dict[tuple[object, ...], list[_Shot]] = {}
    for shot in shots:
        kinds.setdefault(shot.kind, []).append(shot)
    groups = []
    for alike in kinds.values():
        alike.sort(key=_order)
        groups.append([alike[0]])
        for before, after in pairwise(alike):
            if _belong_together(before, after, gap_s):
                groups[-1].append(after)
            else:
                groups.append([after])
    return groups


def _belong_together(before: _Shot, after: _Shot, gap_s: float) -> bool:
    # Hundredths of a second: fractions of times are not exact.
    if after.time.seconds - before.time.seconds > gap_s + 1e-6:
        return False
    return likeness(before.preview.luma, after.preview.luma) >= LEAST_LIKENESS


def _burst(name: str, group: Sequence[_Shot]) -> FoundBurst:
    first, last = group[0], group[-1]
    size = first.preview.width, first.preview.height
    width, height = size[::-1] if first.preview.orientation in _TRANSPOSED else size
    return FoundBurst(
        name,
        tuple(shot.path for shot in group),
        first.time.text,
        round(last.time.seconds - first.time.seconds, 3),
        first.time.source,
        width,
        height,
        first.camera,
    )
