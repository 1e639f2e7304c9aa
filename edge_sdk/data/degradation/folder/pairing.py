"""The pairs of one picture: read, cut, degraded, written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from edge_sdk.data.degradation.degrading import degraded
from edge_sdk.data.degradation.folder.records import CLEAN, DEGRADED, PairRecord
from edge_sdk.data.degradation.folder.sources import Source
from edge_sdk.data.degradation.recipe import DegradationRecipe
from edge_sdk.digests import file_sha256
from edge_sdk.errors import MissingExtraError, PictureError
from edge_sdk.imaging import (
    Picture,
    Rectangle,
    convert_profile,
    read_picture,
    to_levels,
    write_picture,
)

_CROP = 1 << 20
"""What a seed is joined with to draw a crop: beyond the number of any round."""


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made.

    Attributes:
        folder: that they are written to.
        recipe: what they are degraded by.
        seed: of all draws.
        crop_px: side of a crop, or 0 for whole pictures.
    """

    folder: Path
    recipe: DegradationRecipe
    seed: int
    crop_px: int


@dataclass(frozen=True)
class MadePairs:
    """What became of a picture.

    Attributes:
        records: of its pairs; empty if it was left out.
        notes: what its pairs do not keep of it.
        left_out: why it has no pairs, one line that names it; ``None`` if it has.
    """

    records: tuple[PairRecord, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: str | None = None


def pair_seed(seed: int, name: str) -> int:
    """Seed of a pair, by its name alone: 48 bits of SHA-256, which every reader of JSON keeps.

    So a pair does not depend on which other pictures there are, nor on who makes it.

    Example:
        >>> from edge_sdk.data.degradation.folder.pairing import pair_seed
        >>> pair_seed(0, "cup.png") == pair_seed(0, "cup.png") != pair_seed(1, "cup.png")
        True
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:6], "big")


def make_pairs(source: Source, settings: PairSettings) -> MadePairs:
    """Make the pairs of a picture; one that cannot be read or is too small is named.

    Raises:
        OutputError: if a file cannot be written.
    """
    try:
        sha256 = file_sha256(source.path)
        picture = read_picture(source.path)
        if not picture.metadata.gray:
            picture = convert_profile(picture, None, str(source.path), "sRGB")
        _check_size(picture, source.path, settings.crop_px)
    except (PictureError, MissingExtraError) as error:
        return MadePairs(left_out=str(error))
    levels = to_levels(picture.pixels).byte()
    try:
        records = tuple(_pair(levels, name, source, sha256, settings) for name in source.names)
    except PictureError as error:
        return MadePairs(left_out=f"{source.path}: {error}")
    return MadePairs(records, tuple(_notes(picture)))


def _check_size(picture: Picture, path: Path, crop_px: int) -> None:
    if min(picture.width, picture.height) < crop_px:
        raise PictureError(
            f"{path}: is {picture.width}×{picture.height} px, less than a crop of {crop_px} px; "
            "leave it out, or give no --crops"
        )


def _pair(
    levels: Tensor, name: str, source: Source, sha256: str, settings: PairSettings
) -> PairRecord:
    seed = pair_seed(settings.seed, name)
    region = _region(levels, settings.crop_px, seed)
    rows = slice(region.top, region.top + region.height)
    clean = levels[:, rows, region.left : region.left + region.width].contiguous()
    worse = degraded(clean, settings.recipe, seed)
    places = [settings.folder / folder / name for folder in (CLEAN, DEGRADED)]
    for pixels, place in zip((clean, worse.pixels), places, strict=True):
        write_picture(Picture(pixels.float() / 255), place)
    return PairRecord(
        name=name,
        source=source.path.name,
        source_sha256=sha256,
        left=region.left,
        top=region.top,
        width=region.width,
        height=region.height,
        seed=seed,
        steps=tuple(step.as_json() for step in worse.record.steps),
        clean_sha256=file_sha256(places[0]),
        degraded_sha256=file_sha256(places[1]),
    )


def _region(levels: Tensor, crop_px: int, seed: int) -> Rectangle:
    height, width = levels.shape[-2:]
    if not crop_px:
        return Rectangle(left=0, top=0, width=width, height=height)
    generator = np.random.default_rng((seed, _CROP))
    top, left = (int(generator.integers(side - crop_px + 1)) for side in (height, width))
    return Rectangle(left=left, top=top, width=crop_px, height=crop_px)


def _notes(picture: Picture) -> list[str]:
    notes = []
    if picture.metadata.alpha is not None:
        notes.append("transparency is left out")
    if picture.metadata.bit_depth != 8:
        notes.append(f"{picture.metadata.bit_depth} bits are rounded to 8")
    if picture.metadata.gray and picture.metadata.icc_profile is not None:
        notes.append("the color profile of a gray picture is left out, its values are kept")
    return notes
