"""A camera's folder split into bursts: by time, by likeness, and by what cameras are."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge_sdk.burst import BurstRules, FoundBursts, find_bursts, place_bursts
from edge_sdk.burst.folders.capture_time import TimeSource, capture_time, time_in_name
from edge_sdk.burst.folders.likeness import likeness
from edge_sdk.errors import InputError, OutputError, PictureError
from tests.builders.camera_folders import exif_of, frame, shoot


def names(found: FoundBursts) -> list[list[str]]:
    return [[path.name for path in burst.frames] for burst in found.bursts]


def test_time_splits(tmp_path: Path) -> None:
    for name, second in (("a", "00"), ("b", "01"), ("c", "05"), ("d", "06"), ("e", "20")):
        shoot(tmp_path / f"{name}.jpg", 1, f"12:00:{second}", left=ord(name) % 5)
    found = find_bursts(tmp_path)
    assert names(found) == [["a.jpg", "b.jpg"], ["c.jpg", "d.jpg"]]
    assert [path.name for path in found.singles] == ["e.jpg"]
    first = found.bursts[0]
    assert (first.name, first.start, first.seconds) == ("burst_01", "2024-01-01 12:00:00.00", 1.0)
    assert (first.width, first.height, first.camera) == (160, 120, "Maker Phone 7")
    assert names(find_bursts(tmp_path, BurstRules(gap_s=60))) == [[f"{x}.jpg" for x in "abcde"]]
    assert names(find_bursts(tmp_path, BurstRules(gap_s=0))) == []
    assert names(find_bursts(tmp_path, BurstRules(gap_s=60, min_frames=6))) == []


def test_scenes_within_a_second_are_split(tmp_path: Path) -> None:
    for index in range(6):
        shoot(tmp_path / f"{index}.jpg", index // 2, "12:00:00", f"{index}00", left=index % 2)
    assert names(find_bursts(tmp_path)) == [
        ["0.jpg", "1.jpg"], ["2.jpg", "3.jpg"], ["4.jpg", "5.jpg"]
    ]  # fmt: skip


def test_fractions_order_what_names_do_not(tmp_path: Path) -> None:
    for name, fraction in (("c", "05"), ("a", "5"), ("b", "25")):
        shoot(tmp_path / f"{name}.jpg", 1, "12:00:00", fraction)
    assert names(find_bursts(tmp_path)) == [["c.jpg", "b.jpg", "a.jpg"]]


def test_equal_times_are_ordered_by_numbers_in_names(tmp_path: Path) -> None:
    for index in (10, 9, 100):
        shoot(tmp_path / f"IMG_20240101_120000_BURST{index}.jpg", 1, None)
    found = find_bursts(tmp_path)
    assert [name[21:] for name in names(found)[0]] == [
        "BURST9.jpg"[1:],
        "BURST10.jpg"[1:],
        "URST100.jpg",
    ]
    assert found.bursts[0].time_from is TimeSource.NAME


def test_exposure_and_motion_do_not_split(tmp_path: Path) -> None:
    for index, (left, gain) in enumerate(((0, 1.0), (9, 0.5), (2, 1.2), (12, 0.25))):
        shoot(tmp_path / f"{index}.jpg", 3, f"12:00:0{index}", left=left, gain=gain)
    assert len(names(find_bursts(tmp_path))[0]) == 4


@pytest.mark.parametrize("other", ["size", "model", "orientation", "format", "source of the time"])
def test_what_differs_is_split_even_where_it_takes_turns(tmp_path: Path, other: str) -> None:
    for index in range(6):
        options: dict[str, object] = {}
        suffix, time = "jpg", f"12:00:0{index}"
        if index % 2:
            options = {
                "size": {"size": (144, 120)},
                "model": {"model": "Phone 8"},
                "orientation": {"orientation": 6},
                "source of the time": {"changed": f"2024:01:01 {time}"},
            }.get(other, {})
        path = tmp_path / f"{index}.{suffix}"
        shoot(path, 1, None if "changed" in options else time, left=index, **options)
        if other == "format" and index % 2:
            image = Image.open(path)
            image.save(path.with_suffix(".webp"), exif=image.getexif())
            path.unlink()
    found = find_bursts(tmp_path)
    assert sorted(tuple(name[0] for name in group) for group in names(found)) == [
        ("0", "2", "4"), ("1", "3", "5")
    ]  # fmt: skip
    if other == "orientation":
        assert {(burst.width, burst.height) for burst in found.bursts} == {(160, 120), (120, 160)}


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [("png", "RGB"), ("png", "L"), ("png", "P"), ("webp", "RGB"), ("tif", "RGB"), ("bmp", "RGB"),
     ("png", "I;16"), ("png", "RGBA")],
)  # fmt: skip
def test_every_format_is_looked_at(tmp_path: Path, suffix: str, mode: str) -> None:
    for number in (1, 1, 2, 2):
        index = len(list(tmp_path.iterdir()))
        image = frame(number, index % 2)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 256)
        else:
            image = image.convert(mode)
        image.save(tmp_path / f"IMG_20240101_12000{index}.{suffix}")
    assert [len(group) for group in names(find_bursts(tmp_path))] == [2, 2]


def test_what_cannot_be_read_is_named_and_the_rest_found(tmp_path: Path) -> None:
    good = [shoot(tmp_path / f"{index}.jpg", 1, f"12:00:0{index}") for index in range(3)]
    (tmp_path / "cut.jpg").write_bytes(good[0].read_bytes()[:-2000])
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(400))
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "gone.jpg").symlink_to("moved.jpg")
    (tmp_path / "deeper").mkdir()
    found = find_bursts(tmp_path)
    assert names(found) == [["0.jpg", "1.jpg", "2.jpg"]]
    *cut, gone = found.skipped
    assert [each.path.name for each in cut] == ["cut.jpg", "cut.png"]
    assert all(each.reason.startswith("is truncated, damaged") for each in cut)
    assert gone.path.name == "gone.jpg"
    assert gone.reason.startswith("cannot be read")
    assert [path.name for path in found.not_pictures] == ["empty.jpg", "film.mp4"]
    assert [path.name for path in found.folders] == ["deeper"]


@pytest.mark.parametrize("name", ["loop", "x" * 300])
def test_folders_that_cannot_be_looked_into_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PictureError, match=f"{name}: cannot be read"):
        find_bursts(tmp_path / name)


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "folders alone", "no pictures"])
def test_folders_without_pictures_are_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "DCIM"
    if kind == "file":
        folder.write_text("")
    elif kind != "missing":
        folder.mkdir()
    if kind == "folders alone":
        (folder / "100CANON").mkdir()
    if kind == "no pictures":
        (folder / "notes.txt").write_text("tripod")
    with pytest.raises(InputError, match=r"DCIM: (no such|is a file|holds no picture)") as caught:
        find_bursts(folder)
    assert ("100CANON" in str(caught.value)) == (kind == "folders alone")


@pytest.mark.parametrize("rules", [{"gap_s": -1}, {"gap_s": float("nan")}, {"min_frames": 1}])
def test_rules_have_limits(rules: dict[str, float]) -> None:
    with pytest.raises(InputError):
        BurstRules(**rules)  # type: ignore[arg-type]


def test_times_are_taken_from_the_best_that_there_is(tmp_path: Path) -> None:
    path = tmp_path / "IMG_20220203_040506.jpg"
    path.write_bytes(b"")
    taken, changed = "2024:01:02 03:04:05", "2023:06:07 08:09:10"
    cases = (
        (exif_of(taken, "75", changed=changed), TimeSource.TAKEN, "2024-01-02 03:04:05.75"),
        (exif_of(changed=changed), TimeSource.CHANGED, "2023-06-07 08:09:10.00"),
        (exif_of("0000:00:00 00:00:00"), TimeSource.NAME, "2022-02-03 04:05:06.00"),
        (exif_of("yesterday", "soon"), TimeSource.NAME, "2022-02-03 04:05:06.00"),
    )
    for exif, source, text in cases:
        found = capture_time(exif, path)
        assert (found.source, found.text) == (source, text)
    plain = tmp_path / "holiday.jpg"
    plain.write_bytes(b"")
    moment = datetime(2021, 5, 6, 7, 8, 9)
    os.utime(plain, (moment.timestamp(), moment.timestamp()))
    found = capture_time(Image.Exif(), plain)
    assert (found.source, found.text) == (TimeSource.FILE, "2021-05-06 07:08:09.00")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_20240131_235958.jpg", "2024-01-31 23:59:58.00"),
        ("PXL_20240131_235958123.MP.jpg", "2024-01-31 23:59:58.12"),
        ("00001IMG_00001_BURST20240131235958123_COVER.jpg", "2024-01-31 23:59:58.12"),
        ("IMG_20240131_235958_BURST007.jpg", "2024-01-31 23:59:58.00"),
        ("20240131_235958.heic", "2024-01-31 23:59:58.00"),
        ("Photo 2024-01-31 23.59.58.png", "2024-01-31 23:59:58.00"),
        ("signal-2024-01-31-23-59-58-001.jpg", "2024-01-31 23:59:58.00"),
        ("1706745598123.jpg", "2024-01-31 23:59:58.12"),
        ("IMG_1234.jpg", None),
        ("DSC_20240131.jpg", None),
        ("IMG-20240131-WA0001.jpg", None),
        ("IMG_20241331_235958.jpg", None),
        ("IMG_20240131_256199.jpg", None),
        ("99999999999999999999.jpg", None),
    ],
)
def test_names_tell_times(name: str, expected: str | None, tmp_path: Path) -> None:
    if expected is None:
        assert time_in_name(name) is None
        return
    found = capture_time(Image.Exif(), tmp_path / name)
    assert (found.source, found.text) == (TimeSource.NAME, expected)


@given(st.text(max_size=40))
def test_any_name_can_be_asked(name: str) -> None:
    found = time_in_name(name)
    assert found is None or found > 0


class TestLikeness:
    @given(
        st.integers(0, 99),
        st.floats(0.1, 4),
        st.floats(-0.5, 0.5),
        st.integers(-3, 3),
        st.integers(-3, 3),
    )
    def test_it_does_not_change_with_gain_offset_and_small_shifts(
        self, seed: int, gain: float, offset: float, down: int, right: int
    ) -> None:
        large = np.random.default_rng(seed).random((30, 38), np.float32)
        first = large[3:27, 3:35]
        second = large[3 + down : 27 + down, 3 + right : 35 + right]
        assert likeness(first, gain * second + offset) == pytest.approx(1, abs=1e-4)
        assert likeness(first, second) == pytest.approx(likeness(second, first), abs=1e-5)

    @given(st.integers(0, 99))
    def test_other_scenes_are_far_from_it(self, seed: int) -> None:
        first, second = np.random.default_rng(seed).random((2, 24, 32), np.float32)
        assert likeness(first, second) < 0.5
        assert likeness(first, 1 - first) < 0.5

    def test_pictures_of_nothing(self) -> None:
        dark = np.full((24, 32), 0.02, np.float32)
        scene = np.random.default_rng(0).random((24, 32), np.float32)
        assert likeness(dark, dark + np.float32(0.01)) == 1
        assert likeness(dark, dark + np.float32(0.5)) == 0
        assert likeness(dark, scene) == 0


class TestPlacing:
    def shot(self, folder: Path) -> FoundBursts:
        folder.mkdir()
        for index in range(4):
            number, second = divmod(index, 2)
            shoot(folder / f"{index}[b].jpg", number, f"12:0{number}:0{second}", left=second)
        return find_bursts(folder)

    @pytest.mark.parametrize("links", [False, True])
    def test_each_burst_gets_a_folder(self, tmp_path: Path, links: bool) -> None:
        found = self.shot(tmp_path / "DCIM")
        places = place_bursts(found, tmp_path / "sorted", links=links)
        assert [place.name for place in places] == ["burst_01", "burst_02"]
        for place, burst in zip(places, found.bursts, strict=True):
            for source in burst.frames:
                made = place / source.name
                assert made.is_symlink() == links
                assert made.read_bytes() == source.read_bytes()
                assert made.stat().st_mtime == source.stat().st_mtime
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    @pytest.mark.parametrize("kind", ["folder", "file", "dead link"])
    def test_nothing_is_written_over(self, tmp_path: Path, kind: str) -> None:
        found, place = self.shot(tmp_path / "DCIM"), tmp_path / "sorted"
        if kind == "folder":
            place.mkdir()
        elif kind == "file":
            place.write_text("mine")
        else:
            place.symlink_to("nowhere")
        with pytest.raises(OutputError, match="is there already; name a new folder"):
            place_bursts(found, place)

    def test_a_frame_that_went_missing_leaves_nothing(self, tmp_path: Path) -> None:
        found = self.shot(tmp_path / "DCIM")
        found.bursts[1].frames[1].unlink()
        with pytest.raises(OutputError, match="cannot be written"):
            place_bursts(found, tmp_path / "sorted")
        assert [path.name for path in tmp_path.iterdir()] == ["DCIM"]

    def test_no_bursts_make_no_folder(self, tmp_path: Path) -> None:
        shoot(tmp_path / "a.jpg", 1, "12:00:00")
        with pytest.raises(InputError, match="holds no burst"):
            place_bursts(find_bursts(tmp_path), tmp_path / "sorted")
