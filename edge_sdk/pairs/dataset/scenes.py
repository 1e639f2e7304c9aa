"""Which files belong to which scene: one folder of far shots and one of near shots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_sdk.errors import InputError, SceneError
from edge_sdk.imaging.picture_files import SUFFIXES


@dataclass(frozen=True)
class SceneFiles:
    """Shots of one scene.

    Attributes:
        name: of its folder, or of its picture without the suffix.
        far: files of the far shots, by name; empty if there are none.
        near: files of the near shots.
    """

    name: str
    far: tuple[Path, ...]
    near: tuple[Path, ...]

    def check(self) -> None:
        """Raise :class:`SceneError` unless there are far and near shots."""
        for kind, shots in (("far", self.far), ("near", self.near)):
            if not shots:
                raise SceneError(f"no {kind} shot: no folder or picture of this name holds one")


def find_scenes(far: Path, near: Path) -> list[SceneFiles]:
    """Pair the scenes of two folders by name.

    A scene is a folder of pictures, or a picture file, which is a scene of one shot. One that only
    one of the folders has is listed too, and is dropped later with its reason. Names that begin
    with a dot are passed over.

    Args:
        far: folder with the far shots, ``far/SCENE/*.png`` or ``far/SCENE.png``.
        near: folder with the near shots.

    Raises:
        InputError: if one of them is no folder, holds no scene, both are one folder, no name is in
            both, or a folder holds a scene twice.
    """
    if far.is_dir() and near.is_dir() and far.samefile(near):
        raise InputError(f"{near}: is the folder of the far shots too; give that of the near shots")
    there, here = _scenes(far, "far"), _scenes(near, "near")
    if not there.keys() & here.keys():
        raise InputError(
            f"{far} and {near} have no scene of one name; name the folders or pictures of a scene "
            "alike in both"
        )
    return [
        SceneFiles(name, there.get(name, ()), here.get(name, ()))
        for name in sorted(there.keys() | here.keys())
    ]


def _scenes(folder: Path, kind: str) -> dict[str, tuple[Path, ...]]:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {what}; give the folder of the {kind} shots")
    found: dict[str, tuple[Path, ...]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            name, shots = entry.name, tuple(path for path in sorted(entry.iterdir()) if _is(path))
        elif _is(entry):
            name, shots = entry.stem, (entry,)
        else:
            continue
        if name in found:
            raise InputError(f"{entry}: scene {name} is there twice; rename or remove one of them")
        found[name] = shots
    if not found:
        raise InputError(
            f"{folder}: holds no scene; put the {kind} shots of each scene into a folder of its own"
        )
    return found


def _is(path: Path) -> bool:
    picture = path.suffix.lower() in SUFFIXES and path.is_file()
    return picture and not path.name.startswith(".")
