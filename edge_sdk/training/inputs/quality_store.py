"""Sheets with their scores: of photographs degraded once and kept in files, or judged by people."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path
from torch import Tensor

from edge_sdk.data.quality.cuts import contact_sheet
from edge_sdk.data.quality.labels import JudgedPicture
from edge_sdk.data.quality.making import scored_sheets
from edge_sdk.errors import OutputError, PictureError
from edge_sdk.imaging import read_picture, to_levels
from edge_sdk.outputs import replacing
from edge_sdk.progress import Progress, silent
from edge_sdk.training.inputs.feature_files import cache_name

VERSION = 1
"""Raised whenever the same photograph would give other sheets."""


@dataclass(frozen=True)
class ScoredSheets:
    """Sheets, the range of score of each, and what was left out.

    Attributes:
        sheets: by number, uint8 [3, S, S]; those of files are read when they are asked for.
        ranges: float32 [N, 2], lowest and highest score.
        left_out: of every picture without sheets the reason, one line that names it.
    """

    sheets: StackedSheets
    ranges: Tensor
    left_out: tuple[str, ...]


class StackedSheets:
    """Sheets of several stacks, counted through.

    Args:
        stacks: tensors uint8 [N, 3, S, S], or slices of files that are indexed like them.
        counts: number of sheets of each.
    """

    def __init__(self, stacks: Sequence[Any], counts: Sequence[int]) -> None:
        self._stacks = tuple(stacks)
        self._ends = tuple(accumulate(counts))

    def __len__(self) -> int:
        """Number of sheets."""
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Tensor:
        """Sheet uint8 [3, S, S]."""
        number = bisect_right(self._ends, index)
        first = self._ends[number - 1] if number else 0
        sheet: Tensor = self._stacks[number][index - first]
        return sheet


def degraded_sheets(
    photographs: Sequence[Path],
    per_photograph: int,
    side_px: int,
    seed: int,
    rank: int = 0,
    on_progress: Progress | None = None,
) -> ScoredSheets:
    """Sheets of degraded photographs, from the user's cache; missing ones are made.

    A photograph's sheets depend on its contents, their number and size and the seed, not on other
    photographs; several processes may make them at once, and files appear whole. One that cannot be
    read or is too small is left out and named.

    Args:
        photographs: files of sharp, clean pictures.
        per_photograph: sheets of each.
        side_px: of a sheet.
        seed: of all draws.
        rank: number of this process, which begins elsewhere than others.
        on_progress: called after each photograph.

    Raises:
        OutputError: if the cache cannot be written.
        PictureError: if no photograph gives sheets; the reason is that of the first.
    """
    report, count = on_progress or silent, len(photographs)
    folder = user_cache_path("edge-sdk") / "quality"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    start = rank * 7919 % max(count, 1)
    found: dict[int, Path] = {}
    left_out: dict[int, str] = {}
    for done, index in enumerate([*range(start, count), *range(start)]):
        try:
            found[index] = _stored(photographs[index], per_photograph, side_px, seed, folder)
        except PictureError as error:
            left_out[index] = str(error)
        report("degraded photographs", done + 1, count)
    reasons = tuple(left_out[index] for index in sorted(left_out))
    if not found:
        raise PictureError(f"no photograph can be degraded: {reasons[0] if reasons else 'none is'}")
    opened = [_opened(found[index]) for index in sorted(found)]
    scores = [part.get_tensor("scores") for part in opened]
    sheets = StackedSheets([part.get_slice("sheets") for part in opened], list(map(len, scores)))
    joined = torch.cat(scores)
    return ScoredSheets(sheets, torch.stack([joined, joined], 1), reasons)


def judged_sheets(judged: Sequence[JudgedPicture], side_px: int) -> ScoredSheets:
    """Sheets of pictures that people judged, in memory.

    Raises:
        PictureError: if none can be read; the reason is that of the first.
    """
    made: list[Tensor] = []
    ranges: list[tuple[float, float]] = []
    left_out: list[str] = []
    for one in judged:
        try:
            sheet = contact_sheet(read_picture(one.path).pixels, side_px, str(one.path))
        except PictureError as error:
            left_out.append(str(error))
            continue
        made.append(to_levels(sheet).byte())
        ranges.append((one.lowest, one.highest))
    if not made:
        raise PictureError(f"no judged picture can be read: {left_out[0] if left_out else 'none'}")
    return ScoredSheets(
        StackedSheets([torch.stack(made)], [len(made)]), torch.tensor(ranges), tuple(left_out)
    )


def joined_sheets(parts: Sequence[ScoredSheets]) -> ScoredSheets:
    """Several sets as one."""
    return ScoredSheets(
        StackedSheets([part.sheets for part in parts], [len(part.sheets) for part in parts]),
        torch.cat([part.ranges for part in parts]),
        tuple(reason for part in parts for reason in part.left_out),
    )


def _stored(photograph: Path, count: int, side_px: int, seed: int, folder: Path) -> Path:
    from safetensors.torch import save

    name = cache_name([VERSION, count, side_px, seed], [photograph])
    path = folder / f"{name}.safetensors"
    if _is_whole(path):
        return path
    # Drawn by its contents, so that no two photographs share their draws.
    pixels = read_picture(photograph).pixels
    made = list(scored_sheets(pixels, count, side_px, int(name[:8], 16), str(photograph)))
    data = save(
        {
            "sheets": torch.stack([one.sheet for one in made]),
            "scores": torch.tensor([one.score for one in made]),
        }
    )
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return path


def _is_whole(path: Path) -> bool:
    from safetensors import SafetensorError

    try:
        return {"sheets", "scores"} <= set(_opened(path).keys())
    except (OSError, SafetensorError):
        return False


def _opened(path: Path) -> Any:
    from safetensors import safe_open

    return safe_open(path, framework="pt")
