"""What a folder of converted stages says of itself, checked before a file is opened."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_sdk.burst.converted.graphs import STAGES, Shape, channels_of
from edge_sdk.burst.stages.blend import HALO_PX as BLEND_HALO_PX
from edge_sdk.burst.stages.encode import HALO_PX
from edge_sdk.deploy.preparation import INT8
from edge_sdk.errors import ArtifactError, InputError
from edge_sdk.json_records import Head, read_record
from edge_sdk.outputs import replacing

NAME = "stages.json"
FORMAT = "edge-sdk stages"
VERSION = 5


@dataclass(frozen=True)
class StageManifest:
    """Contents of ``stages.json``.

    Attributes:
        model: name of the network in ``decode``.
        target: converter that wrote the files.
        precision: of ``decode``; the other stages divide and compare, and stay in floating point.
        scale: enlargement.
        shapes: of the input of each stage.
        decoded_px: side of what ``decode`` returns without its margin, in pixels of a frame.
        network_halo_px: that margin, likewise.
        noise_levels: least and greatest noise of a frame, in 8-bit levels, that int8 ranges were
            chosen by; ``None`` without such ranges.
        files: name of each stage's file.
        sha256: digest of each stage's file.
    """

    model: str
    target: str
    precision: str
    scale: int
    shapes: dict[str, Shape]
    decoded_px: int
    network_halo_px: int
    noise_levels: tuple[float, float] | None
    files: dict[str, str]
    sha256: dict[str, str]

    @property
    def tile_px(self) -> int:
        """Side of what ``encode`` returns."""
        return self.shapes["encode"][3] - 2 * HALO_PX


def write_manifest(manifest: StageManifest, folder: Path) -> None:
    """Write ``stages.json``; it appears whole or not at all."""
    content = {"format": FORMAT, "version": VERSION, **asdict(manifest)}
    with replacing(folder / NAME) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> StageManifest:
    """Read ``stages.json`` and check the files against it.

    Raises:
        ArtifactError: if the folder holds no stages, they are of another version, a file is missing
            or is not what was written, the sizes of the stages disagree, or the noise of int8
            ranges is missing.
    """
    path = folder / NAME
    again = "write the stages again with `edge-sdk stages`"
    if not path.is_file():
        raise ArtifactError(f"{folder}: holds no {NAME}; {again}, or name their folder")
    try:
        manifest = read_record(StageManifest, path.read_bytes(), Head(FORMAT, VERSION))
        check_stages(manifest, path, again)
        for stage in STAGES:
            _check_file(folder, manifest.files[stage], manifest.sha256[stage], again)
    except KeyError as error:
        raise ArtifactError(f"{path}: names no file of the stage {error}; {again}") from error
    except InputError as error:
        raise ArtifactError(f"{path}: {error}; {again}") from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error}); {again}") from error
    return manifest


def digest(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names, in order."""
    total = hashlib.sha256()
    parts = sorted(path.rglob("*")) if path.is_dir() else [path]
    for part in parts:
        if part.is_file():
            total.update(part.relative_to(path.parent).as_posix().encode())
            total.update(part.read_bytes())
    return total.hexdigest()


def _check_file(folder: Path, name: str, expected: str, again: str) -> None:
    path = folder / name
    if Path(name).name != name or not path.exists():
        raise ArtifactError(f"{path}: the stage is missing; {again}")
    if digest(path) != expected:
        raise ArtifactError(f"{path}: is not the file that was written; {again}")


def check_stages(manifest: StageManifest, path: Path, again: str) -> None:
    """Check that stages fit each other.

    Args:
        manifest: what is known of them.
        path: where from, for messages.
        again: what to do, for messages.

    Raises:
        ArtifactError: if their sizes disagree, or int8 ranges do not say what noise they are for.
    """
    _check_sizes(manifest, path, again)
    _check_noise(manifest, path, again)


def _check_sizes(manifest: StageManifest, path: Path, again: str) -> None:
    for stage in STAGES:
        shape = manifest.shapes[stage]
        if shape[0] != 1 or min(shape) < 1:
            raise ArtifactError(f"{path}: {stage} cannot take {_by(shape)}; {again}")
    reach_px = (manifest.shapes["search"][1] - 4) // 2
    for stage, channels in channels_of(manifest.scale, reach_px).items():
        if manifest.shapes[stage][1] != channels:
            raise ArtifactError(
                f"{path}: {stage} takes {_by(manifest.shapes[stage])}, not {channels} channels; "
                f"{again}"
            )
    blend_px, decode_px = (manifest.shapes[stage][2:] for stage in ("blend", "decode"))
    halo_px, decoded_px = manifest.network_halo_px, manifest.decoded_px
    fits = all(side == decoded_px + 2 * halo_px for side in decode_px)
    fits &= all(side == decode_px[0] + 2 * BLEND_HALO_PX for side in blend_px)
    fits &= min(reach_px, halo_px + 1, manifest.tile_px, decoded_px, manifest.scale) >= 1
    if not fits:
        raise ArtifactError(
            f"{path}: the stages disagree in tile size (encode {_by(manifest.shapes['encode'])}, "
            f"blend {_by(manifest.shapes['blend'])}, decode {_by(manifest.shapes['decode'])}, of "
            f"which {decoded_px} px and a margin of {halo_px} px); {again}"
        )


def _by(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _check_noise(manifest: StageManifest, path: Path, again: str) -> None:
    levels = manifest.noise_levels
    if levels is None and manifest.precision not in INT8:
        return
    low, high = levels or (math.nan, math.nan)
    if not 0 <= low <= high < math.inf:
        raise ArtifactError(
            f"{path}: noise_levels {levels} are not the two levels, least and greatest, that "
            f"{manifest.precision} was calibrated on; {again}"
        )
