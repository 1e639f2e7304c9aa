"""Photographs that benchmarks measure on: Kodak24 in EDGE_SDK_DATA, or those that are shipped."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.imaging import read_picture


def data_folder() -> Path:
    """Folder of the data sets: EDGE_SDK_DATA, or data."""
    return Path(os.environ.get("EDGE_SDK_DATA", "data"))


def kodak_folder() -> Path:
    """Where Kodak24 is, if it is here."""
    return data_folder() / "kodak24"


def kodak_paths() -> list[Path]:
    """The pictures of Kodak24 by name; none where it is not here."""
    return sorted(path for path in kodak_folder().glob("*") if path.suffix in (".png", ".webp"))


def kodak_or_shipped(count: int) -> tuple[str, list[Tensor]]:
    """So many pictures of Kodak24, evenly chosen, or else all that are shipped.

    Returns:
        What to call them, and the pictures, float32 [3, H, W] in [0, 1].
    """
    paths = kodak_paths()
    if paths:
        apart = max(1, len(paths) // max(1, count))
        return "Kodak", [read_picture(path).pixels for path in paths[::apart][:count]]
    return "shipped", [example_photo(name) for name in PHOTOS]
