"""A training set from folders of far and near shots, scene by scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edge_sdk.burst.frames.files import spool_pictures
from edge_sdk.burst.frames.spool import Spool, spooling
from edge_sdk.errors import InputError, PictureError, SceneError
from edge_sdk.imaging import Metadata, Picture, write_picture
from edge_sdk.pairs.config import PairConfig
from edge_sdk.pairs.couple.coupling import Couple, make_couple
from edge_sdk.pairs.couple.frames import RegionSource
from edge_sdk.pairs.dataset.folder import (
    SHEET,
    making_scene,
    open_folder,
    remove_others,
    write_json,
    write_set_record,
)
from edge_sdk.pairs.dataset.reading import finished
from edge_sdk.pairs.dataset.record import (
    MASK,
    RECORD,
    TARGET,
    accepted_record,
    dropped_record,
    frame_name,
    record_head,
    sealed,
)
from edge_sdk.pairs.dataset.scenes import SceneFiles, find_scenes
from edge_sdk.pairs.dataset.sheet import write_sheet
from edge_sdk.progress import Progress, silent

"""Called with the scene's name, scenes done and scenes in all."""
SUMMARY = (
    "name", "accepted", "reason", "width", "height", "zoom_ratio", "blur_px", "psnr_db",
    "psnr_far_db", "correlation", "valid", "sha256",
)  # fmt: skip
"""What ``set.json`` repeats of each scene's record."""


@dataclass(frozen=True)
class PairSet:
    """What became of a set.

    Attributes:
        folder: the set.
        scenes: a summary of every scene, accepted or dropped with its reason.
        kept: scenes that were finished already.
        removed: scenes of an earlier run whose shots are gone.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.pairs import PairSet
        >>> scenes = ({"name": "a", "accepted": True}, {"name": "b", "accepted": False})
        >>> PairSet(Path("set"), scenes, kept=0, removed=()).accepted
        1
    """

    folder: Path
    scenes: tuple[dict[str, Any], ...]
    kept: int
    removed: tuple[str, ...]

    @property
    def accepted(self) -> int:
        """Number of samples."""
        return sum(bool(scene["accepted"]) for scene in self.scenes)


def build_set(
    far: Path,
    near: Path,
    output: Path,
    config: PairConfig | None = None,
    *,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> PairSet:
    """Make a training set by specification 2, or go on with one that was interrupted.

    Every scene gets a folder under ``output/scenes``: one with frames, target, mask and record, or,
    if it makes no sample, with a record that says why. A scene is finished when its folder is
    there as it was written; else, if its shots changed their names or contents, or with
    ``overwrite``, it is done again.

    Args:
        far: ``far/SCENE/*.png``, or ``far/SCENE.png`` for a scene of one shot.
        near: likewise.
        output: folder of the set.
        config: settings.
        overwrite: whether finished scenes are done again, with other settings too.
        on_progress: called before each scene, and when all are done.

    Raises:
        InputError: if the folders hold no scene of one name, or the set there has other settings.
        OutputError: if the set cannot be written there, or another process builds it.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, write_picture
        >>> from edge_sdk.data import simulate_far_near
        >>> from edge_sdk.pairs import build_set
        >>> scene = resize_bicubic(torch.rand(3, 44, 60), 5).clamp(0, 1)
        >>> shots = simulate_far_near(scene)
        >>> for folder, picture in (("far", shots.burst.frames[0]), ("near", shots.near[0])):
        ...     Path(folder).mkdir()
        ...     written = write_picture(Picture(picture), f"{folder}/house.png")
        >>> made = build_set(Path("far"), Path("near"), Path("set"))
        >>> [(scene["name"], scene["accepted"]) for scene in made.scenes]
        [('house', True)]
    """
    config = config or PairConfig()
    scenes = find_scenes(far, near)
    _check_place(output, far, near)
    report = on_progress or silent
    with open_folder(output, config, overwrite):
        removed = remove_others(output, {scene.name for scene in scenes})
        records, kept = [], 0
        for done, scene in enumerate(scenes):
            report("scenes", done, len(scenes))
            record = None if overwrite else finished(output, scene, config)
            kept += record is not None
            records.append(_summary(record or _build_scene(output, scene, config)))
        report("scenes", len(scenes), len(scenes))
        write_sheet(output / SHEET, output, records)
        write_set_record(output, config, records)
    return PairSet(output, tuple(records), kept, tuple(removed))


def _check_place(output: Path, far: Path, near: Path) -> None:
    place = output.resolve()
    for folder in (far, near):
        if place == folder.resolve() or folder.resolve() in place.parents:
            raise InputError(f"{output}: lies in {folder}, the shots; give another folder with -o")


def _build_scene(output: Path, scene: SceneFiles, config: PairConfig) -> dict[str, Any]:
    """Make one scene's folder; its record."""
    with making_scene(output, scene.name) as folder:
        record = record_head(scene, config)
        try:
            record |= _sample(folder, scene, config)
        except (SceneError, PictureError) as error:
            record |= dropped_record(str(error))
        record = sealed(record, folder)
        write_json(folder / RECORD, record)
    return record


def _sample(folder: Path, scene: SceneFiles, config: PairConfig) -> dict[str, Any]:
    scene.check()
    with spooling() as far, spooling() as near:
        far_files, near_files = spool_pictures(scene.far, far), spool_pictures(scene.near, near)
        held = far_files.held
        notes = [*far_files.notes, *near_files.notes, *_notes(held, near_files.held)]
        couple = make_couple(far, near, config, silent)
        _write_pictures(folder, couple, far, near, held[couple.choice.index])
    if len(held) == 1:
        notes.append("one far shot: the sample has no other frames")
    elif not couple.far.frames:
        notes.append("no other far shot could be used: the sample has the reference alone")
    return accepted_record(scene, config, couple, notes)


def _notes(far: Sequence[Metadata], near: Sequence[Metadata]) -> list[str]:
    notes = []
    if far[0].icc_profile != near[0].icc_profile:
        notes.append(
            "far and near shots have different color profiles; values were taken as they are"
        )
    if any(held.alpha is not None for held in (*far, *near)):
        notes.append("transparency of the shots was ignored")
    return notes


def _write_pictures(folder: Path, couple: Couple, far: Spool, near: Spool, held: Metadata) -> None:
    """Frames with the far shots' bits and profile, the target with the near shots' bits."""
    places = [(couple.choice.index, couple.region)]
    places += [(frame.index, frame.region) for frame in couple.far.frames]
    cut = RegionSource(far, places)
    deep = Metadata(icc_profile=held.icc_profile, bit_depth=16 if far.depth == 16 else 8)
    for place in range(cut.count):
        write_picture(Picture(cut.rows(place, 0, cut.height), deep), folder / frame_name(place))
    deep = Metadata(icc_profile=held.icc_profile, bit_depth=16 if near.depth == 16 else 8)
    write_picture(Picture(couple.target, deep), folder / TARGET)
    mask = couple.mask.to(torch.float32).expand(3, -1, -1)
    write_picture(Picture(mask, Metadata(gray=True)), folder / MASK)


def _summary(record: dict[str, Any]) -> dict[str, Any]:
    found = {name: record.get(name) for name in SUMMARY}
    found["frames"] = len(record.get("frames", ()))
    return found
