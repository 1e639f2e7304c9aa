"""What the commands are run on: photographs, bursts of frames, and recipes of trainings."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data

from commits.spelling import american

FRAME = (212, 136)
"""Width and height of a frame in pixels."""
PHOTOS = {name: {"folder": "photos"} for name in ("train", "validation")}
CONVS = [{"kind": "conv", "kernels": [3, 1], "widths": [16]}, {"kind": "conv", "kernels": [1]}]
BRANCHES = [*CONVS, {"kind": "identity"}]
NETWORK = {"colour": "rgb", "widths": [8, 8], "skips": [[0, 1]], "branches": BRANCHES}
RECIPES: dict[str, dict[str, Any]] = {
    "luma": {"model": {"colour": "y"}},
    "int8": {"phases": {"fake_quantised_steps": 3}},
    "burst": {"model": {"task": "burst-zoom"}, "data": {"bursts": {"count": 4}}},
}


def write_photographs(inputs: Path) -> str:
    """Write cuts of scikit-image's photographs; returns what tells them from others."""
    (inputs / "photos").mkdir(parents=True, exist_ok=True)
    for name in ("astronaut", "chelsea", "coffee"):
        photo = getattr(skimage.data, name)()[100:196, 100:228, ::-1]
        cv2.imwrite(str(inputs / "photos" / f"{name}.png"), photo)
    cv2.imwrite(str(inputs / "scene.png"), skimage.data.coffee()[:310, 100:580, ::-1])
    return digest([*inputs.glob("photos/*"), inputs / "scene.png"])


def write_bursts(burst: Path, inputs: Path) -> str:
    """Write the simulated frames, cut to one size: in color, in gray, in 16 bits, as a scene."""
    width, height = FRAME
    fine = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint16)
    for path in burst.glob("frames/*.png"):
        frame = cv2.imread(str(path))[:height, :width]
        grey, deep = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), frame.astype(np.uint16) * 256 + fine
        for kind, picture in (("burst", frame), ("grey", grey), ("deep", deep), ("far/a", frame)):
            (inputs / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(inputs / kind / path.name), picture)
    (inputs / "near").mkdir(exist_ok=True)
    shutil.copy(burst / "truth" / "00.png", inputs / "near" / "a.png")
    return digest([*inputs.rglob("*.png")])


def digest(paths: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()


def write_recipes(folder: Path, is_american: bool) -> None:
    """Write the recipes of RECIPES to a folder, in American or in British spelling."""
    folder.mkdir(exist_ok=True)
    for name, own in RECIPES.items():
        recipe = {"optimiser": {"steps": 8, "learning_rate": 1e-3}, "validate_every": 4, **own}
        recipe["model"] = NETWORK | own.get("model", {})
        recipe["data"] = PHOTOS | {"patch_px": 24, "batch": 2} | own.get("data", {})
        text = json.dumps(american(recipe) if is_american else recipe)
        (folder / f"{name}.yaml").write_text(text)
