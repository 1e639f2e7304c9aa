"""A set on disk, checked when it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edge_sdk.digests import file_sha256
from edge_sdk.errors import InputError, PictureError
from edge_sdk.json_records import from_json
from edge_sdk.pairs.config import PairConfig
from edge_sdk.pairs.dataset.folder import SCENES, SET_FORMAT, SET_RECORD, read_json
from edge_sdk.pairs.dataset.record import (
    MASK,
    RECORD,
    SCENE_FORMAT,
    TARGET,
    VERSION,
    frame_name,
    record_sha256,
    sources_of,
)
from edge_sdk.pairs.dataset.scenes import SceneFiles
from edge_sdk.registration import MotionField


@dataclass(frozen=True, eq=False)
class StoredScene:
    """A sample on disk.

    Attributes:
        name: of the scene.
        frames: files of the far frames, reference first.
        fields: motion from the reference to each frame; at rest for the reference itself.
        target: file of the target.
        mask: file of the mask.
        height: rows of a frame.
        width: columns of a frame.
        noise_std: noise of a frame on values in [0, 1].

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.pairs import StoredScene
        >>> frames, target, mask = (Path("0.png"),), Path("target.png"), Path("mask.png")
        >>> StoredScene("house", frames, (), target, mask, height=64, width=96, noise_std=0.01).name
        'house'
    """

    name: str
    frames: tuple[Path, ...]
    fields: tuple[MotionField, ...]
    target: Path
    mask: Path
    height: int
    width: int
    noise_std: float


@dataclass(frozen=True, eq=False)
class StoredSet:
    """A set on disk.

    Attributes:
        folder: the set.
        scale: pixels of a target per pixel of a frame.
        scenes: its samples, by name.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.pairs import StoredSet
        >>> StoredSet(Path("set"), scale=2, scenes=()).scale
        2
    """

    folder: Path
    scale: int
    scenes: tuple[StoredScene, ...]


def open_set(folder: Path) -> StoredSet:
    """Open a set and check that every file is the one that was written.

    All files are read once, for their SHA-256; pictures are not decoded.

    Args:
        folder: of the set, as :func:`edge_sdk.pairs.build_set` leaves it.

    Raises:
        InputError: if it is no set, of another version, incomplete, without a sample, or a file is
            missing, unreadable, of another size or was changed, or a number is out of range. The
            message names it.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.data import simulate_far_near
        >>> from edge_sdk.pairs import build_set, open_set
        >>> scene = resize_bicubic(torch.rand(3, 44, 60), 5).clamp(0, 1)
        >>> shots = simulate_far_near(scene)
        >>> for folder, picture in (("far", shots.burst.frames[0]), ("near", shots.near[0])):
        ...     Path(folder).mkdir()
        ...     written = write_picture(Picture(picture), f"{folder}/house.png")
        >>> made = build_set(Path("far"), Path("near"), Path("set"))
        >>> [scene.name for scene in open_set(made.folder).scenes]
        ['house']
    """
    path = folder / SET_RECORD
    record = read_json(path)
    if record is None or record.get("format") != SET_FORMAT:
        raise InputError(f"{folder}: is no set of pairs; make one with: edge-sdk pairs FAR NEAR -o")
    _check_version(path, record)
    if not record.get("complete"):
        raise InputError(f"{folder}: is not complete; run the same edge-sdk pairs again")
    try:
        found = from_json(_SetRecord, path.read_bytes())
        digests = {_name(scene): scene.sha256 for scene in found.scenes if scene.accepted}
    except (InputError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({error}); run edge-sdk pairs again") from error
    if digests and len(digests) != found.accepted:
        raise InputError(f"{path}: was changed after it was written; run edge-sdk pairs again")
    if not digests:
        raise InputError(f"{folder}: holds no sample; its sheet says why scenes were dropped")
    scenes = tuple(_scene(folder / SCENES / name, found.scale, digests[name]) for name in digests)
    return StoredSet(folder, found.scale, scenes)


def finished(folder: Path, scene: SceneFiles, config: PairConfig) -> dict[str, Any] | None:
    """The record of a scene that is there already, whole and made of the same files, or ``None``.

    A sample is there if :func:`open_set` would take it, so that what that refuses is made again.
    """
    place = folder / SCENES / scene.name
    try:
        record = _record(place)
        if record.get("accepted"):
            _scene(place, config.scale, record["sha256"])
    except (InputError, PictureError):
        return None
    same = record.get("settings") == asdict(config) and record.get("sources") == sources_of(scene)
    return record if same else None


def _record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    record = read_json(path)
    if record is None or record.get("format") != SCENE_FORMAT:
        raise InputError(f"{path}: is missing or damaged; run edge-sdk pairs again")
    _check_version(path, record)
    if record.get("sha256") != record_sha256(record):
        raise InputError(f"{path}: was changed after it was written; run edge-sdk pairs again")
    return record


def _scene(folder: Path, scale: int, sha256: str) -> StoredScene:
    path = folder / RECORD
    _record(folder)
    try:
        sample = from_json(_Sample, path.read_bytes())
        fields = tuple(_field(frame, sample.height, sample.width) for frame in sample.frames)
        _check_values(sample, folder.name, fields)
    except (InputError, ValueError) as error:
        raise InputError(f"{path}: is damaged ({error}); run edge-sdk pairs again") from error
    height, width = sample.height, sample.width
    frames = tuple(folder / frame.file for frame in sample.frames)
    target, mask = folder / TARGET, folder / MASK
    if not frames or sample.scale != scale or sample.sha256 != sha256:
        raise InputError(f"{path}: does not belong to the set around it; run edge-sdk pairs again")
    for frame in frames:
        _check_size(frame, height, width)
    for image in (target, mask):
        _check_size(image, scale * height, scale * width)
    for file in (*frames, target, mask):
        if sample.files.get(file.name) != file_sha256(file):
            raise InputError(f"{file}: was changed after it was written; run edge-sdk pairs again")
    return StoredScene(sample.name, frames, fields, target, mask, height, width, sample.noise_std)


@dataclass(frozen=True)
class _SetScene:
    name: str
    accepted: bool
    sha256: str


@dataclass(frozen=True)
class _SetRecord:
    """What is read of ``set.json``."""

    scale: int
    accepted: int
    scenes: tuple[_SetScene, ...]


Row = tuple[float, float, float]


@dataclass(frozen=True)
class _Frame:
    file: str
    matrix: tuple[Row, Row, Row]
    offsets_px: list[list[tuple[float, float]]] | None
    confidence: list[list[float]] | None


@dataclass(frozen=True)
class _Sample:
    """What is read of the ``scene.json`` of a sample."""

    name: str
    accepted: bool
    scale: int
    width: int
    height: int
    noise_std: float
    frames: tuple[_Frame, ...]
    files: dict[str, str]
    sha256: str


def _name(scene: _SetScene) -> str:
    """The scene's name, which is that of a folder in the set."""
    name = scene.name
    if not name or name.startswith(".") or Path(name).name != name:
        raise ValueError(f"a scene cannot be named {name!r}")
    return name


def _check_values(sample: _Sample, name: str, fields: Sequence[MotionField]) -> None:
    if not sample.accepted or sample.name != name:
        raise ValueError("it is no sample of this name")
    if not 0 <= sample.noise_std <= 1:
        raise ValueError(f"noise_std {sample.noise_std:g} is not in [0, 1]")
    files = [frame.file for frame in sample.frames]
    if files != [frame_name(place) for place in range(len(files))]:
        raise ValueError("the frames have other names or another order")
    identity = torch.eye(3, dtype=torch.float64)
    if fields and not (torch.equal(fields[0].matrix, identity) and fields[0].offsets_px is None):
        raise ValueError("the first frame is not the reference")


def _field(frame: _Frame, height: int, width: int) -> MotionField:
    confidence = None if frame.confidence is None else _tensor(frame.confidence)
    if confidence is not None and not bool(((confidence >= 0) & (confidence <= 1)).all()):
        raise ValueError("a confidence is not in [0, 1]")
    offsets = None if frame.offsets_px is None else _tensor(frame.offsets_px, 3)
    return MotionField(_tensor(frame.matrix), height, width, offsets, confidence)


def _tensor(values: Sequence[Sequence[object]], axes: int = 2) -> Tensor:
    found = torch.tensor(values, dtype=torch.float64)
    if found.ndim != axes:
        raise ValueError("a motion has another shape")
    if not bool(torch.isfinite(found).all()):
        raise ValueError("a number is not finite")
    return found


def _check_version(path: Path, record: Mapping[str, Any]) -> None:
    if record.get("version") != VERSION:
        raise InputError(
            f"{path}: is of version {record.get('version')}, {VERSION} is read; run edge-sdk pairs "
            "again with --overwrite"
        )


def _check_size(path: Path, height: int, width: int) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            size = image.size
    except FileNotFoundError as error:
        raise InputError(f"{path}: is missing; run edge-sdk pairs again") from error
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path}: cannot be read; run edge-sdk pairs again") from error
    if size != (width, height):
        raise InputError(
            f"{path}: is {size[0]}×{size[1]} px, its record says {width}×{height}; run edge-sdk "
            "pairs again"
        )
