"""A set on disk: whole scenes, nothing done twice, and what cannot be used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import EdgeSdkError, InputError, OutputError
from edge_sdk.imaging import Picture, read_picture, write_picture
from edge_sdk.imaging.picture import Metadata
from edge_sdk.pairs import PairConfig, build_set, open_set
from edge_sdk.pairs.couple.coupling import Couple
from edge_sdk.pairs.dataset import building
from tests.builders.far_near_shots import shots_of, tree, write_shots

pytestmark = pytest.mark.slow

SINGLE = {"far": "only.png", "near": "0.png"}
"""The shots of scene ``single``."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shots of two good scenes, a foreign near shot, a missing one and a single far shot."""
    place = tmp_path_factory.mktemp("shots")
    far, near = place / "far", place / "near"
    good, other = shots_of(), shots_of("coffee", seed=1)
    write_shots(good, far, near, "astronaut")
    write_shots(other, far, near, "coffee")
    (far / "single").mkdir()
    shutil.copy(far / "astronaut" / "0.png", far / "single" / "only.png")
    shutil.copytree(near / "astronaut", near / "single")
    shutil.copytree(far / "astronaut", far / "foreign")
    shutil.copytree(near / "coffee", near / "foreign")
    shutil.copytree(far / "astronaut", far / "lonely")
    return place


@pytest.fixture(scope="module")
def made(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "set"
    build_set(folders / "far", folders / "near", output)
    return output


def records(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "set.json").read_text())
    return {scene["name"]: scene for scene in found["scenes"]}


def copy_of(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "set"))


def test_scenes_become_samples_or_have_a_reason(made: Path) -> None:
    scenes = records(made)
    accepted = {name for name, scene in scenes.items() if scene["accepted"]}
    assert accepted == {"astronaut", "coffee", "single"}
    assert "match" in scenes["foreign"]["reason"]
    assert "no near shot" in scenes["lonely"]["reason"]
    assert [path.name for path in (made / "scenes" / "foreign").iterdir()] == ["scene.json"]


def test_a_single_far_shot_is_accepted_with_a_note(made: Path) -> None:
    record = json.loads((made / "scenes" / "single" / "scene.json").read_text())
    assert len(record["frames"]) == 1
    assert any("one far shot" in note for note in record["notes"])


def test_files_have_the_sizes_that_the_record_says(made: Path) -> None:
    folder = made / "scenes" / "astronaut"
    record = json.loads((folder / "scene.json").read_text())
    reference = read_picture(folder / "00.png")
    assert (reference.height, reference.width) == (record["height"], record["width"])
    for name in ("target.png", "mask.png"):
        finer = read_picture(folder / name)
        assert (finer.height, finer.width) == (2 * record["height"], 2 * record["width"])
    assert set(np.unique(np.asarray(Image.open(folder / "mask.png")))) <= {0, 255}
    assert [frame["file"] for frame in record["frames"]] == ["00.png", "01.png", "02.png"]


def test_frames_are_the_shots_own_pixels(made: Path, folders: Path) -> None:
    folder = made / "scenes" / "astronaut"
    record = json.loads((folder / "scene.json").read_text())
    for frame in record["frames"]:
        shot = read_picture(folders / "far" / "astronaut" / frame["source"]).pixels
        rows = slice(frame["top"], frame["top"] + record["height"])
        columns = slice(frame["left"], frame["left"] + record["width"])
        assert torch.equal(read_picture(folder / frame["file"]).pixels, shot[:, rows, columns])


def test_the_sheet_shows_samples_and_reasons(made: Path) -> None:
    sheet = (made / "sheet.html").read_text()
    assert sheet.count("data:image/jpeg") == 3 * 4
    assert records(made)["foreign"]["reason"].split(":")[0] in sheet


def test_a_finished_set_is_not_done_again(
    made: Path, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_of(made, tmp_path)
    before = tree(folder)

    def never(*_: object) -> Couple:
        raise AssertionError("a finished scene was made again")

    monkeypatch.setattr(building, "make_couple", never)
    found = build_set(folders / "far", folders / "near", folder)
    assert found.kept == len(found.scenes)
    assert tree(folder) == before


def test_an_interrupted_run_leaves_no_half_scene_and_goes_on(
    made: Path, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "set"

    def stopped(path: Path, value: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        # The pictures are written, the record is not: the worst moment.
        patched.setattr(building, "write_json", stopped)
        with pytest.raises(KeyboardInterrupt):
            build_set(folders / "far", folders / "near", output)
    assert list((output / "scenes").iterdir()) == []
    with pytest.raises(InputError, match="not complete"):
        open_set(output)
    # What a killed process leaves.
    (output / "scenes" / ".making-x" / "new").mkdir(parents=True)
    build_set(folders / "far", folders / "near", output)
    assert tree(output) == tree(made)


def test_a_scene_whose_files_changed_is_done_again(
    made: Path, folders: Path, tmp_path: Path
) -> None:
    folder = copy_of(made, tmp_path)
    shots = Path(shutil.copytree(folders, tmp_path / "shots"))
    shutil.copytree(shots / "near" / "astronaut", shots / "near" / "lonely")
    shutil.rmtree(shots / "far" / "coffee")
    shutil.rmtree(shots / "near" / "coffee")
    found = build_set(shots / "far", shots / "near", folder)
    assert found.kept == len(found.scenes) - 1
    assert found.removed == ("coffee",)
    scenes = records(folder)
    assert scenes["lonely"]["accepted"]
    assert not (folder / "scenes" / "coffee").exists()


BUILD = """
import sys
from pathlib import Path
from edge_sdk.errors import OutputError
from edge_sdk.pairs import build_set

try:
    build_set(*map(Path, sys.argv[1:]))
except OutputError as error:
    print(error)
"""


def test_a_second_process_keeps_out(folders: Path, tmp_path: Path) -> None:
    far, near, output = (tmp_path / name for name in ("far", "near", "set"))
    for kind in (far, near):
        shutil.copytree(folders / kind.name / "single", kind / "single")
    told: list[str] = []

    def second(name: str, done: int, total: int) -> None:
        half = output / "scenes" / ".making-first"
        half.mkdir(exist_ok=True)
        command = [sys.executable, "-c", BUILD, str(far), str(near), str(output)]
        told.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        assert half.is_dir()

    found = build_set(far, near, output, on_progress=second)
    assert found.accepted == 1
    message = f"{output}: another edge-sdk pairs builds this set; wait for its end"
    assert len(told) == 2
    assert all(line.startswith(message) and line.count("\n") == 1 for line in told)
    assert build_set(far, near, output).kept == 1
    assert not (output / "scenes" / ".making-first").exists()


def test_a_shot_of_other_contents_and_the_same_size_is_reported(
    folders: Path, tmp_path: Path
) -> None:
    far, near, output = (tmp_path / name for name in ("far", "near", "set"))
    for kind in (far, near):
        (kind / "scene").mkdir(parents=True)
        with Image.open(folders / kind.name / "single" / SINGLE[kind.name]) as image:
            image.save(kind / "scene" / "0.bmp")
    assert build_set(far, near, output).accepted == 1
    shot = near / "scene" / "0.bmp"
    before, size = shot.stat(), Image.open(shot).size
    Image.new("RGB", size).save(shot)
    os.utime(shot, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert shot.stat().st_size == before.st_size
    found = build_set(far, near, output)
    assert (found.kept, found.accepted) == (0, 0)
    assert build_set(far, near, output).kept == 1


def corrupt_no_frame(scene: Path) -> None:
    (scene / "01.png").unlink()


def corrupt_no_target(scene: Path) -> None:
    (scene / "target.png").unlink()


def corrupt_no_picture(scene: Path) -> None:
    (scene / "mask.png").write_bytes(b"no picture")


def corrupt_black_target(scene: Path) -> None:
    with Image.open(scene / "target.png") as image:
        Image.new(image.mode, image.size).save(scene / "target.png")


def corrupt_half_a_target(scene: Path) -> None:
    whole = (scene / "target.png").read_bytes()
    (scene / "target.png").write_bytes(whole[: len(whole) // 2])


def corrupt_record(scene: Path) -> None:
    record = json.loads((scene / "scene.json").read_text())
    (scene / "scene.json").write_text(json.dumps(record | {"accepted": False}))


@pytest.mark.parametrize(
    "corruption",
    [
        corrupt_no_frame,
        corrupt_no_target,
        corrupt_no_picture,
        corrupt_black_target,
        corrupt_half_a_target,
        corrupt_record,
    ],
)
def test_run_again_repairs_what_the_error_reports(
    made: Path, folders: Path, tmp_path: Path, corruption: Callable[[Path], None]
) -> None:
    folder = copy_of(made, tmp_path)
    corruption(folder / "scenes" / "astronaut")
    with pytest.raises(InputError, match=r"run edge-sdk pairs again$"):
        open_set(folder)
    found = build_set(folders / "far", folders / "near", folder)
    assert found.kept == len(found.scenes) - 1
    assert tree(folder) == tree(made)


def test_other_settings_need_overwrite(made: Path, folders: Path, tmp_path: Path) -> None:
    folder = copy_of(made, tmp_path)
    other = PairConfig(max_ghosts=0.3)
    before = tree(folder)
    with pytest.raises(InputError, match="other settings"):
        build_set(folders / "far", folders / "near", folder, other)
    assert tree(folder) == before


def test_overwrite_does_all_again(folders: Path, tmp_path: Path) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    for kind in (far, near):
        kind.mkdir()
        shutil.copytree(folders / kind.name / "single", kind / "single")
    build_set(far, near, tmp_path / "set")
    found = build_set(far, near, tmp_path / "set", PairConfig(max_ghosts=0.3), overwrite=True)
    assert found.kept == 0
    record = json.loads((tmp_path / "set" / "set.json").read_text())
    assert record["settings"]["max_ghosts"] == 0.3


def test_plain_pictures_are_scenes_of_one_shot_and_keep_16_bits(
    folders: Path, tmp_path: Path
) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    deep = Metadata(bit_depth=16)
    for kind, source in ((far, "far"), (near, "near")):
        picture = read_picture(folders / source / "astronaut" / "0.png")
        write_picture(Picture(picture.pixels, deep), kind / "scene.png")
    found = build_set(far, near, tmp_path / "set")
    assert [scene["name"] for scene in found.scenes] == ["scene"]
    assert found.accepted == 1
    for name in ("00.png", "target.png"):
        picture = read_picture(tmp_path / "set" / "scenes" / "scene" / name)
        assert picture.metadata.bit_depth == 16


def test_unusable_shots_drop_their_scene_alone(folders: Path, tmp_path: Path) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    for kind in (far, near):
        for name in ("damaged", "sizes", "fine", "empty"):
            shutil.copytree(folders / kind.name / "astronaut", kind / name)
    (near / "damaged" / "0.png").write_bytes(b"no picture")
    write_picture(Picture(example_photo("coffee")[:, :90, :90]), far / "sizes" / "1.png")
    (far / "fine" / "notes.txt").write_text("no picture either")
    (near / "empty" / "0.png").unlink()
    scenes = {scene["name"]: scene for scene in build_set(far, near, tmp_path / "set").scenes}
    assert scenes["fine"]["accepted"]
    assert "0.png" in scenes["damaged"]["reason"]
    assert "one size" in scenes["sizes"]["reason"]
    assert "no near shot" in scenes["empty"]["reason"]


def refused(kind: type[EdgeSdkError], far: Path, near: Path, output: Path) -> str:
    with pytest.raises(kind) as error:
        build_set(far, near, output)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_folders_that_cannot_be_used(folders: Path, tmp_path: Path) -> None:
    far, near, output = folders / "far", folders / "near", tmp_path / "set"
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    other = tmp_path / "other"
    shutil.copytree(near / "coffee", other / "elsewhere")
    assert "no such folder" in refused(InputError, tmp_path / "none", near, output)
    assert "is a file" in refused(InputError, far, tmp_path / "file", output)
    assert "holds no scene" in refused(InputError, tmp_path / "empty", near, output)
    assert "one name" in refused(InputError, far, other, output)
    assert "far shots too" in refused(InputError, far, far, output)
    assert "lies in" in refused(InputError, far, near, far / "set")
    assert "is a file" in refused(OutputError, far, near, tmp_path / "file")
    assert "other files" in refused(OutputError, far, near, other)
    assert "does not exist" in refused(OutputError, far, near, tmp_path / "none" / "set")
    shutil.copy(near / "coffee" / "0.png", other / "elsewhere.png")
    assert "twice" in refused(InputError, other, near, output)
    assert not output.exists()


def test_the_stored_motions_place_the_stored_pictures(made: Path) -> None:
    shots = shots_of()
    stored = next(scene for scene in open_set(made).scenes if scene.name == "astronaut")
    assert len(stored.fields) == 3
    assert bool((stored.fields[0].matrix == torch.eye(3, dtype=torch.float64)).all())
    record = json.loads((made / "scenes" / "astronaut" / "scene.json").read_text())
    from edge_sdk.imaging.rectangle import Rectangle
    from edge_sdk.pairs.couple.geometry import region_offset
    from edge_sdk.registration.motion import centered_grid, transform

    reference = record["frames"][0]
    region = Rectangle(
        left=reference["left"], top=reference["top"], width=record["width"], height=record["height"]
    )
    truth = shots.homography(int(reference["source"][0]), 0)
    grid = centered_grid(region.height, region.width, like=truth).reshape(-1, 2)
    offset = region_offset(region, *shots.burst.frames.shape[-2:])
    found = transform(torch.tensor(record["target"]["matrix"], dtype=torch.float64), grid)
    error = (found - transform(truth, grid + offset)).norm(dim=-1)
    assert float(error.median()) < 0.3
