"""Command ``degrade``: folders of pairs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from edge_sdk.data.degradation.degrading import degraded
from edge_sdk.data.degradation.folder import building
from edge_sdk.data.degradation.folder.building import degrade_pictures
from edge_sdk.data.degradation.folder.pairing import make_pairs
from edge_sdk.data.degradation.folder.records import read_records
from edge_sdk.imaging import Metadata, Picture, read_picture, to_levels, write_picture
from tests.cli.command_line import Run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures of smooth noise, of which one is larger than a crop."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, (height, width) in enumerate(((40, 50), (33, 44), (260, 300))):
        generator = torch.Generator().manual_seed(number)
        pixels = torch.rand(3, height, width, generator=generator)
        write_picture(Picture(pixels), folder / f"{number}.png")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file by its path in the folder, without the lock."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_pairs_and_their_records(run: Run, photos: Path, tmp_path: Path) -> None:
    before = contents(photos)
    outcome = run("degrade", "photos", "-o", "pairs", "--seed", 3)
    assert outcome.status == 0, outcome.err
    assert outcome.out.splitlines() == [
        "3 pairs, 0 pictures left out: pairs; look at pairs/sheet.html"
    ]
    assert contents(photos) == before
    pairs = tmp_path / "pairs"
    lines = [json.loads(line) for line in (pairs / "records.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == ["0.png", "1.png", "2.png"]
    for line in lines:
        clean, worse = (
            to_levels(read_picture(pairs / kind / line["name"]).pixels).byte()
            for kind in ("clean", "degraded")
        )
        source = read_picture(photos / line["source"]).pixels
        assert torch.equal(clean, to_levels(source).byte())
        assert clean.shape == worse.shape == (3, line["height"], line["width"])
        again = degraded(clean, "document", line["seed"])
        assert torch.equal(again.pixels, worse)
        assert [step.as_json() for step in again.record.steps] == line["steps"]
    sheet = (pairs / "sheet.html").read_text()
    assert sheet.count("<img") == 6
    assert all(step["step"] in sheet for line in lines for step in line["steps"])


def test_the_same_seed_gives_the_same_files_and_another_others(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run("degrade", photos, "-o", folder, "--seed", seed).status == 0
    first, again, other = (contents(tmp_path / folder) for folder in "abc")
    assert first == again
    assert first["degraded/0.png"] != other["degraded/0.png"]
    assert first["clean/0.png"] == other["clean/0.png"]


@pytest.mark.slow
def test_two_workers_make_what_one_makes(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "3.png").write_bytes(b"no picture")
    for folder, workers in (("one", 1), ("two", 2)):
        outcome = run("degrade", photos, "-o", folder, "--workers", workers)
        assert outcome.status == 0
        assert "left out: " in outcome.err
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_pair_does_not_depend_on_other_pictures(run: Run, photos: Path, tmp_path: Path) -> None:
    assert run("degrade", photos, "-o", "all").status == 0
    assert run("degrade", photos / "1.png", "-o", "alone").status == 0
    whole, alone = contents(tmp_path / "all"), contents(tmp_path / "alone")
    assert alone["degraded/1.png"] == whole["degraded/1.png"]


def test_crops_and_pictures_too_small_for_them(run: Run, photos: Path, tmp_path: Path) -> None:
    outcome = run("degrade", photos, "-o", "pairs", "--crops", 2, "--json")
    assert outcome.status == 0
    report = json.loads(outcome.out)
    assert (report["pairs"], report["made"]) == (2, 2)
    assert report["left_out"] == [
        f"{photos}/{name}: is {size} px, less than a crop of 256 px; leave it out, or give no "
        "--crops"
        for name, size in (("0.png", "50×40"), ("1.png", "44×33"))
    ]
    source = read_picture(photos / "2.png").pixels
    records = read_records(tmp_path / "pairs" / "records.jsonl")
    assert list(records) == ["2_0.png", "2_1.png"]
    for name, record in records.items():
        assert (record.width, record.height) == (256, 256)
        rows, columns = (slice(start, start + 256) for start in (record.top, record.left))
        clean = read_picture(tmp_path / "pairs" / "clean" / name).pixels
        assert torch.equal(clean, source[:, rows, columns])
    places = {(record.left, record.top) for record in records.values()}
    assert len(places) == 2


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    outcome = run("degrade", photos, photos / "gone.png", "-o", "pairs")
    assert outcome.status == 0
    assert "3 pairs, 2 pictures left out" in outcome.out
    notes = outcome.err.splitlines()
    assert [note.split(":")[:3] for note in notes] == [
        ["note", " left out", f" {photos}/bad.jpg"],
        ["note", " left out", f" {photos}/gone.png"],
    ]
    assert "gone.png: cannot be read (No such file or directory)" in notes[1]
    alone = run("degrade", photos / "bad.jpg", "-o", "none")
    assert alone.status == 1
    assert "0 pairs, 1 pictures left out" in alone.out


def test_what_pairs_do_not_keep_is_said(run: Run, tmp_path: Path) -> None:
    deep = Metadata(bit_depth=16, alpha=torch.ones(1, 20, 20))
    write_picture(Picture(torch.rand(3, 20, 20), deep), tmp_path / "deep.png")
    outcome = run("degrade", "deep.png", "-o", "pairs")
    assert outcome.err.splitlines() == [
        "note: transparency is left out (1 of 1 pictures)",
        "note: 16 bits are rounded to 8 (1 of 1 pictures)",
    ]


class CutError(Exception):
    """Stands for the end of a process."""


def test_a_run_that_was_cut_ends_as_one_that_was_not(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("degrade", photos, "-o", "whole").status == 0

    def cut(label: str, done: int, total: int) -> None:
        if done == 1:
            raise CutError

    with pytest.raises(CutError):
        degrade_pictures([photos], "cut", on_progress=cut)
    half = tmp_path / "cut"
    assert len(read_records(half / "records.jsonl")) == 1
    with (half / "records.jsonl").open("a") as file:
        file.write('{"name": "1.png", "sour')
    (half / "clean" / ".1.abcd.png").write_bytes(b"half")
    made: list[str] = []

    def counted(source: object, settings: object) -> object:
        made.append(source.path.name)  # type: ignore[attr-defined]
        return make_pairs(source, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "make_pairs", counted)
    outcome = run("degrade", photos, "-o", "cut", "--resume")
    assert outcome.status == 0, outcome.err
    assert "3 pairs, 1 of them before" in outcome.out
    assert made == ["1.png", "2.png"]
    assert contents(half) == contents(tmp_path / "whole")


def test_resuming_makes_again_what_was_damaged_or_changed(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    assert run("degrade", photos, "-o", "pairs").status == 0
    whole = contents(tmp_path / "pairs")
    (tmp_path / "pairs" / "degraded" / "0.png").write_bytes(b"damaged")
    (tmp_path / "pairs" / "clean" / "1.png").unlink()
    report = json.loads(run("degrade", photos, "-o", "pairs", "--resume", "--json").out)
    assert (report["pairs"], report["made"]) == (3, 2)
    assert contents(tmp_path / "pairs") == whole
    write_picture(Picture(torch.rand(3, 20, 20)), photos / "1.png")
    write_picture(Picture(torch.rand(3, 20, 20)), photos / "new.png")
    report = json.loads(run("degrade", photos, "-o", "pairs", "--resume", "--json").out)
    assert (report["pairs"], report["made"]) == (4, 2)


def test_other_settings_and_other_files_are_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    assert run("degrade", photos, "-o", "pairs").status == 0
    assert (
        "pairs: holds files already; give a new folder, or --resume"
        in run("degrade", photos, "-o", "pairs").error_line
    )
    for options in (("--seed", 1), ("--recipe", "second-order"), ("--crops", 2)):
        line = run("degrade", photos, "-o", "pairs", "--resume", *options).error_line
        assert "pairs: was made by another recipe, seed or crop" in line
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    line = run("degrade", photos, "-o", "other", "--resume").error_line
    assert "other: holds other files and no pairs" in line
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["notes.txt"]


def test_nothing_is_written_among_the_pictures(run: Run, photos: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    for subject, output in (
        ("photos", "photos"),
        ("photos", "photos/pairs"),
        ("photos/0.png", "photos"),
        ("photos/0.png", "."),
    ):
        outcome = run("degrade", subject, "-o", output, "--resume")
        if output == ".":
            assert "holds other files and no pairs" in outcome.error_line
        else:
            assert "lies in a folder of the pictures, or holds them;" in outcome.error_line
    assert contents(tmp_path) == before


def test_a_recipe_of_ones_own(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"steps": [{"step": "jpeg", "quality": 55}]}')
    assert run("degrade", photos, "-o", "pairs", "--recipe", "mine.json").status == 0
    for record in read_records(tmp_path / "pairs" / "records.jsonl").values():
        assert record.steps == ({"step": "jpeg", "quality": 55},)


def test_bad_arguments(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "off.json").write_text('{"steps": [{"step": "jpeg", "probability": 0}]}')
    write_picture(Picture(torch.rand(3, 8, 8)), tmp_path / "0.jpg")
    for arguments, reason in (
        ((), "no pictures given; name files or folders: edge-sdk degrade PICTURE"),
        (("empty",), "empty: holds no picture; add .png"),
        ((photos, "-o", "file"), "file: is a file; give a folder"),
        ((photos, "-o", "no/where"), "no/where: the folder"),
        ((photos, "--seed", -1), "seed -1: give 0 or more"),
        ((photos, "--crops", -1), "crops -1: give 0, for whole pictures, or more"),
        ((photos, "--crop", 300), "--crop needs --crops"),
        ((photos, "--crops", 1, "--crop", 255), "crop 255: give 256 px or more"),
        ((photos, "--workers", 0), "workers 0: give 1 to 64"),
        ((photos, "--recipe", "paper"), "paper: is no recipe; give a preset (document, second"),
        ((photos, "--recipe", "off.json"), "off.json: no step is ever on"),
        ((photos, "0.jpg"), "0.png and 0.jpg would both become 0.png"),
    ):
        line = run("degrade", *arguments).error_line
        assert reason in line, line
    assert not (tmp_path / "degraded").exists()
