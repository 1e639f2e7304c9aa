from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edge_sdk.data.camera.files import write_burst
from edge_sdk.data.camera.occluders import MovingObject
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.errors import OutputError
from edge_sdk.imaging import read_picture


def burst(
    frames: int = 2,
    seed: int = 0,
    moving_object: MovingObject | None = None,
    path: str = "independent",
) -> SimulatedBurst:
    photo = torch.rand(3, 96, 112, generator=torch.Generator().manual_seed(seed))
    return simulate_burst(
        photo, CameraConfig(frames=frames, seed=seed, moving_object=moving_object, path=path)
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_an_earlier_burst_is_replaced_and_foreign_files_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "bb"
    write_burst(burst(4), folder)
    (folder / "keep").mkdir()
    own = {"original.jpg": b"photo", "keep/n.txt": b"note", "zoomed.png": b"result"}
    for name, data in own.items():
        (folder / name).write_bytes(data)
    write_burst(burst(2, seed=1), folder)
    write_burst(burst(2, seed=1), tmp_path / "new")
    assert contents(folder) == contents(tmp_path / "new") | own
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bb", "new"]


def test_the_record_lists_its_files(tmp_path: Path) -> None:
    write_burst(burst(3), tmp_path / "bb")
    record = json.loads((tmp_path / "bb/burst.json").read_text())
    assert record["version"] == 2
    assert {*record["files"], "burst.json"} == set(contents(tmp_path / "bb"))


def test_the_record_says_where_everything_was(tmp_path: Path) -> None:
    made = burst(3, moving_object=MovingObject(shift_px=3), path="walk")
    write_burst(made, tmp_path / "bb")
    record = json.loads((tmp_path / "bb/burst.json").read_text())
    assert record["camera"]["moving_object"]["shift_px"] == 3
    assert record["object_offsets_px"] == made.layered.layers[0].offsets_px.tolist()
    assert record["path_knots"]["values"] == made.layered.hand.poses.tolist()
    assert {*record["files"], "burst.json"} == set(contents(tmp_path / "bb"))
    area = read_picture(tmp_path / "bb/moving/01.png").pixels[0] > 0.5
    assert torch.equal(area, made.moving_area(1))


def test_bursts_with_and_without_an_object_replace_each_other(tmp_path: Path) -> None:
    moving = burst(2, moving_object=MovingObject(shift_px=3))
    write_burst(moving, tmp_path / "bb")
    write_burst(burst(2), tmp_path / "bb")
    write_burst(burst(2), tmp_path / "plain")
    assert contents(tmp_path / "bb") == contents(tmp_path / "plain")
    write_burst(moving, tmp_path / "bb")
    write_burst(moving, tmp_path / "moving")
    assert contents(tmp_path / "bb") == contents(tmp_path / "moving")


def test_a_burst_of_the_first_version_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "bb"
    write_burst(burst(3), folder)
    record = json.loads((folder / "burst.json").read_text())
    (folder / "burst.json").write_text(json.dumps(record | {"version": 1}))
    write_burst(burst(2), folder)
    assert len(list((folder / "frames").iterdir())) == 2


@pytest.mark.parametrize("name", ["frames/mine.png", "truth/notes/n.txt", "frames/09.png"])
def test_what_would_be_lost_is_refused_and_left(tmp_path: Path, name: str) -> None:
    write_burst(burst(), tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="would be lost"):
        write_burst(burst(seed=1), tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        "{}",
        "\udcff",
        '{"format": "edge-sdk burst", "version": 3, "files": []}',
        '{"format": "edge-sdk burst", "version": 1}',
    ],
)
def test_a_foreign_record_does_not_lift_the_protection(tmp_path: Path, record: str) -> None:
    (tmp_path / "burst.json").write_bytes(record.encode(errors="surrogateescape"))
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames/00.png").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="does not list"):
        write_burst(burst(), tmp_path)
    assert contents(tmp_path) == before


def test_a_part_that_links_elsewhere_is_refused(tmp_path: Path) -> None:
    write_burst(burst(), tmp_path / "bb")
    (tmp_path / "bb/frames").rename(tmp_path / "elsewhere")
    (tmp_path / "bb/frames").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="not a folder of an earlier burst"):
        write_burst(burst(seed=1), tmp_path / "bb")


@pytest.mark.parametrize("failing", range(6))
def test_a_failed_swap_puts_the_earlier_burst_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    folder = tmp_path / "bb"
    write_burst(burst(), folder)
    (folder / "mine.txt").write_text("mine")
    before = contents(folder)
    real, calls = Path.rename, iter(range(100))

    def rename(self: Path, target: Path) -> Path:
        if self.suffix != ".png" and next(calls) == failing:
            raise OSError(5, "the disk failed")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OutputError, match="the disk failed"):
        write_burst(burst(seed=1), folder)
    assert contents(folder) == before
