"""A scene of a set as ``scene.json`` records it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edge_sdk.digests import file_sha256
from edge_sdk.errors import PictureError
from edge_sdk.pairs.config import PairConfig
from edge_sdk.pairs.couple.coupling import Couple
from edge_sdk.pairs.dataset.scenes import SceneFiles
from edge_sdk.registration import MotionField

SCENE_FORMAT = "edge-sdk pair"
VERSION = 2
RECORD = "scene.json"
TARGET, MASK = "target.png", "mask.png"
DIGITS = 5
Sources = dict[str, list[dict[str, str | None]]]
"""Names and SHA-256 of far and near shots; ``None`` for one that cannot be read."""


def sources_of(scene: SceneFiles) -> Sources:
    """What shows that a scene's files have changed: their names and contents."""
    return {
        kind: [{"name": path.name, "sha256": _sha256(path)} for path in shots]
        for kind, shots in (("far", scene.far), ("near", scene.near))
    }


def record_head(scene: SceneFiles, config: PairConfig) -> dict[str, Any]:
    """What the record of every scene begins with; taken before the shots are read."""
    return {
        "format": SCENE_FORMAT,
        "version": VERSION,
        "name": scene.name,
        "settings": asdict(config),
        "sources": sources_of(scene),
    }


def dropped_record(reason: str) -> dict[str, Any]:
    """What the record of a scene that makes no sample goes on with."""
    return {"accepted": False, "reason": reason}


def accepted_record(
    scene: SceneFiles, config: PairConfig, couple: Couple, notes: Sequence[str]
) -> dict[str, Any]:
    """What the record of a sample goes on with."""
    standard = couple.standard
    far_files, near_files = ([path.name for path in shots] for shots in (scene.far, scene.near))
    left_out = [(far_files[k], why) for k, why in sorted(couple.left_out.items())]
    left_out += [(near_files[k], why) for k, why in sorted(standard.left_out.items())]
    region = couple.region
    return {
        "accepted": True,
        "reason": "",
        "notes": list(notes),
        "scale": config.scale,
        "width": region.width,
        "height": region.height,
        "zoom_ratio": couple.zoom_ratio,
        "matches": couple.match.matches,
        "inliers": couple.match.inliers,
        "shared": couple.shared,
        "blur_px": couple.refined.blur_px,
        "residual_std": couple.refined.registration.residual_std,
        "settled_px": couple.refined.moved_px,
        **finite(asdict(couple.quality)),
        "noise_std": couple.far.noise_std,
        "near_shots": standard.used,
        "target": {
            "matrix": couple.refined.placement.matrix.tolist(),
            "varies": couple.refined.placement.field is not None,
            "curves": rounded(couple.colors.curves),
            "mixing": rounded(couple.colors.mixing),
        },
        "frames": _frames(couple, far_files),
        "left_out": [{"source": name, "reason": why} for name, why in left_out],
    }


def sealed(record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A record with the SHA-256 of every file of its scene, and of itself."""
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    whole = {**record, "files": files}
    return {**whole, "sha256": record_sha256(whole)}


def record_sha256(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record without its own digest: of its JSON, keys sorted, no line breaks."""
    rest = {name: value for name, value in record.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def frame_name(place: int) -> str:
    """File of a frame; the reference is at place 0."""
    return f"{place:02d}.png"


def finite(values: dict[str, float]) -> dict[str, float | None]:
    """Numbers as JSON holds them: what is not finite becomes null."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def rounded(values: Tensor | None) -> Any:
    """A tensor as lists of numbers of five decimals."""
    return (
        None if values is None else (values.double() * 10**DIGITS).round().div(10**DIGITS).tolist()
    )


def _frames(couple: Couple, names: Sequence[str]) -> list[dict[str, Any]]:
    region, reference = couple.region, couple.choice.index
    identity = MotionField(torch.eye(3, dtype=torch.float64), region.height, region.width)
    rows = [(reference, region, identity, 0.0, 1.0)]
    rows += [
        (frame.index, frame.region, frame.field, frame.residual_std, frame.explained)
        for frame in couple.far.frames
    ]
    return [
        {
            "file": frame_name(place),
            "source": names[index],
            "left": kept.left,
            "top": kept.top,
            "score": couple.choice.scores[index],
            "residual_std": residual_std,
            "explained": explained,
            "weight": 1.0 if field.confidence is None else float(field.confidence.mean()),
            "matrix": field.matrix.tolist(),
            "offsets_px": rounded(field.offsets_px),
            "confidence": rounded(field.confidence),
        }
        for place, (index, kept, field, residual_std, explained) in enumerate(rows)
    ]


def _sha256(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except PictureError:
        return None
