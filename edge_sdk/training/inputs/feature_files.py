"""Features that are computed once, their truths beside them, in files that patches are cut from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from edge_sdk.digests import file_sha256
from edge_sdk.errors import OutputError, PictureError
from edge_sdk.imaging import to_levels
from edge_sdk.outputs import replacing
from edge_sdk.progress import Progress, silent

"""Called with the number of files that are there and of those in all."""
Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class FeatureSample:
    """What a network for bursts is given of one burst, and what it should return.

    Attributes:
        features: float32 [4·s² + 8, H, W] in [0, 1], as :class:`~edge_sdk.burst.stages.blend.Blend`
            returns them.
        truth: float32 [3, s·H, s·W] in [0, 1].
        known: bool [1, s·H, s·W], where the truth counts; ``None`` for everywhere.
    """

    features: Tensor
    truth: Tensor
    known: Tensor | None = None


def cache_name(settings: object, files: Iterable[Path]) -> str:
    """Name of what is computed from files: other contents or settings give another name.

    Args:
        settings: what JSON can hold.
        files: read whole, in order; where they lie and how old they are does not count.

    Raises:
        PictureError: if a file cannot be read.
    """
    total = hashlib.sha256(json.dumps(settings).encode())
    for path in files:
        total.update(bytes.fromhex(file_sha256(path)))
    return total.hexdigest()[:16]


def fill(
    files: list[Path],
    sample: Callable[[int], FeatureSample],
    rank: int,
    on_progress: Progress | None = None,
) -> None:
    """Compute and write files that are missing or damaged: features in float16, truth in 8 bits.

    Several processes may do so at once: each begins elsewhere, and files appear whole.

    Args:
        files: all files, in order.
        sample: computes what belongs in the file of an index.
        rank: number of this process.
        on_progress: called after each file.

    Raises:
        OutputError: if a folder cannot be created.
    """
    for folder in {path.parent for path in files}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    report, count = on_progress or silent, len(files)
    start = rank * 7919 % max(count, 1)
    for done, index in enumerate([*range(start, count), *range(start)]):
        if not _is_whole(files[index]):
            _write(sample(index), files[index])
        report("features", done + 1, count)


class FeaturePatches(Dataset[Pair]):
    """Patches of features and truth, one per index; the same index and seed give the same patch.

    Every file is as likely as another, and in it every place.

    Args:
        files: as :func:`fill` wrote them; read by parts, so that memory holds none whole.
        patch_px: side of a patch, in pixels of a frame.
        length: number of indices.
        seed: seed of the draws.

    Raises:
        PictureError: if frames are smaller than a patch.
    """

    def __init__(self, files: list[Path], patch_px: int, length: int, seed: int) -> None:
        self._files = files
        self._patch_px = patch_px
        self._length = length
        self._seed = seed
        for path in files:
            _, height, width = _opened(path).get_slice("features").get_shape()
            if min(height, width) < patch_px:
                raise PictureError(
                    f"frames of {width}×{height} px are smaller than a patch of {patch_px} px; "
                    "choose a larger frame_px, larger photographs or smaller patches"
                )

    def __len__(self) -> int:
        """Number of patches."""
        return self._length

    def __getitem__(self, index: int) -> Pair:
        """Features float32 [4·s² + 8, p, p] and truth float32 [3, s·p, s·p], in [0, 1].

        The truth is NaN where it does not count.
        """
        if not 0 <= index < self._length:
            raise IndexError(f"index {index} is not in 0 … {self._length - 1}")
        draw = np.random.default_rng((self._seed, index))
        part = _opened(self._files[int(draw.integers(len(self._files)))])
        _, height, width = part.get_slice("features").get_shape()
        side = self._patch_px
        top = int(draw.integers(max(1, height - side + 1)))
        left = int(draw.integers(max(1, width - side + 1)))
        return _cut(part, slice(top, top + side), slice(left, left + side))


class WholeFeatures(Dataset[Pair]):
    """Whole files, one per index, as :class:`FeaturePatches` returns their parts.

    Args:
        files: as :func:`fill` wrote them.
    """

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        """Number of files."""
        return len(self._files)

    def __getitem__(self, index: int) -> Pair:
        """Features float32 [4·s² + 8, H, W] and truth float32 [3, s·H, s·W], NaN where unknown."""
        part = _opened(self._files[index])
        _, height, width = part.get_slice("features").get_shape()
        return _cut(part, slice(0, height), slice(0, width))


def _cut(part: Any, rows: slice, columns: slice) -> Pair:
    features, truth = part.get_slice("features"), part.get_slice("truth")
    scale = truth.get_shape()[-1] // features.get_shape()[-1]
    down, across = (slice(scale * cut.start, scale * cut.stop) for cut in (rows, columns))
    target = truth[:, down, across].float() / 255
    if "known" in part.keys():  # noqa: SIM118 - the file has no other membership test
        known = part.get_slice("known")[:, down, across]
        target = target.masked_fill(known == 0, torch.nan)
    return features[:, rows, columns].float(), target


def _is_whole(path: Path) -> bool:
    """Whether a file is there, with the length that its own header states."""
    from safetensors import SafetensorError

    try:
        return {"features", "truth"} <= set(_opened(path).keys())
    except (OSError, SafetensorError):
        return False


def _opened(path: Path) -> Any:
    from safetensors import safe_open

    return safe_open(path, framework="pt")


def _write(sample: FeatureSample, path: Path) -> None:
    from safetensors.torch import save

    levels = to_levels(sample.truth).to(torch.uint8).contiguous()
    tensors = {"features": sample.features.half().contiguous(), "truth": levels}
    if sample.known is not None:
        tensors["known"] = sample.known.to(torch.uint8).contiguous()
    data = save(tensors)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
