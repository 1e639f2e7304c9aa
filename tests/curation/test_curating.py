"""A whole collection: the same verdicts however it is named, measured, stopped and resumed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from edge_sdk.curation import CurationConfig, CurationResult, NearDuplicates, Size, curate
from edge_sdk.curation.journal import journal_of, saved
from edge_sdk.errors import InputError, OutputError, PictureError
from tests.needs import needs

pytestmark = needs("examples")

Collected = tuple[Path, dict[str, str | None]]


def digests(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Stop(Exception):
    """What a test ends a run with."""


def stop_after(count: int):
    def report(label: str, done: int, total: int) -> None:
        if label == "measure" and done == count:
            raise Stop

    return report


def test_each_picture_is_left_out_for_its_reason(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder, expected = collection
    before = digests(folder)
    result = curate(folder, tmp_path / "kept.txt", config, sheet=tmp_path / "sheet.html")
    found = {str(one.path.relative_to(folder)): one.reason for one in result.verdicts}
    assert found == expected
    assert [str(one.path) for one in result.verdicts] == sorted(
        str(one.path) for one in result.verdicts
    )
    assert (tmp_path / "kept.txt").read_text().splitlines() == [str(p) for p in result.kept]
    (copy,) = result.of("near-duplicate")
    assert copy.like == folder / "coffee.png"
    assert digests(folder) == before
    assert not journal_of(tmp_path / "kept.txt").exists()
    page = (tmp_path / "sheet.html").read_text()
    assert page.count("data:image/jpeg") == 4 + 1 + 3
    assert "is truncated" in page
    assert all(f"Left out: {reason}" in page for reason in {*expected.values()} - {None})


def test_later_criteria_do_not_see_what_earlier_ones_left_out(
    collection: Collected, tmp_path: Path
) -> None:
    folder, _ = collection
    names = [folder / "coffee.png", folder / "deep" / "coffee.jpg"]
    # The larger one would be kept in favor of the smaller, were it not left out before.
    result = curate(names, config=CurationConfig((NearDuplicates(),)))
    assert [path.name for path in result.kept] == ["coffee.png"]
    result = curate(names, config=CurationConfig((Size(301), NearDuplicates())))
    assert result.left_out == {"unreadable": 0, "size": 1, "near-duplicate": 0}


def test_order_and_repetition_of_names_do_not_matter(
    collection: Collected, config: CurationConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = collection
    monkeypatch.chdir(folder)
    names = [*sorted(folder.glob("[!.]*.png")), folder / "deep", folder / "broken.jpg"]
    whole = curate(folder, config=config)
    assert curate(names, config=config) == whole
    assert curate([*reversed(names), folder, *names], config=config) == whole
    mixed = [Path("coffee.png"), folder / "coffee.png", Path("deep/../rocket.png")]
    assert curate(mixed, config=config) == curate(mixed[::-1], config=config)
    assert len(curate(mixed, config=config).verdicts) == 2


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder, _ = collection
    results, texts = [], []
    for workers in (1, 2):
        output = tmp_path / "kept.json"
        result = curate(folder, output, config, workers=workers, sheet=tmp_path / "sheet.html")
        results.append(result)
        texts.append((output.read_bytes(), (tmp_path / "sheet.html").read_bytes()))
        output.unlink()
    assert results[0] == results[1]
    assert texts[0] == texts[1]


def stopped(folder: Path, output: Path, config: CurationConfig, count: int) -> Path:
    with pytest.raises(Stop):
        curate(folder, output, config, on_progress=stop_after(count))
    assert not output.exists()
    return journal_of(output)


def test_a_stopped_run_goes_on(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder, _ = collection
    output = tmp_path / "kept.json"
    whole = curate(folder, output, config)
    text = output.read_bytes()
    output.unlink()
    journal = stopped(folder, output, config, 5)
    assert saved(journal) == 4  # the unreadable one is tried again
    with pytest.raises(InputError, match="go on with --resume, or remove it"):
        curate(folder, output, config)
    resumed = curate(folder, output, config, resume=True)
    assert (resumed.verdicts, resumed.measured_before) == (whole.verdicts, 4)
    assert output.read_bytes() == text
    assert not journal.exists()


@pytest.mark.parametrize("lost", [1, 20, 200])
def test_a_journal_that_was_cut_gives_the_same(
    collection: Collected, config: CurationConfig, tmp_path: Path, lost: int
) -> None:
    folder, _ = collection
    output = tmp_path / "kept.json"
    journal = stopped(folder, output, config, 6)
    journal.write_bytes(journal.read_bytes()[:-lost])
    # Stopped a second time, so that lines stand behind the place of the cut.
    with pytest.raises(Stop):
        curate(folder, output, config, resume=True, on_progress=stop_after(7))
    assert saved(journal) == 6
    resumed = curate(folder, output, config, resume=True)
    assert resumed.verdicts == curate(folder, config=config).verdicts
    assert resumed.measured_before == 6


def test_limits_may_change_between_runs_and_criteria_may_not(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder, _ = collection
    journal = stopped(folder, tmp_path / "kept.txt", config, 6)
    with pytest.raises(InputError, match="holds measurements by other criteria"):
        curate(folder, tmp_path / "kept.txt", CurationConfig((Size(),)), resume=True)
    assert journal.exists()
    other = CurationConfig((Size(10), *config.criteria[1:]))
    resumed = curate(folder, tmp_path / "kept.txt", other, resume=True)
    assert resumed.verdicts == curate(folder, config=other).verdicts
    assert resumed.measured_before == 5


def test_a_file_that_changed_is_measured_again(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(collection[0], folder)
    stopped(folder, tmp_path / "kept.txt", config, 8)
    shutil.copy(folder / "small.png", folder / "rocket.png")
    os.utime(folder / "coffee.png", ns=(1, 1))
    resumed = curate(folder, tmp_path / "kept.txt", config, resume=True)
    assert resumed.measured_before == 5  # of eight: two changed, one cannot be read
    assert {one.path.name for one in resumed.of("size")} == {"rocket.png", "small.png"}


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe\n", b"{}\n", b'{"format": "edge-sdk pairs", "version": 1}\n']
)
def test_what_is_no_journal_is_refused(
    collection: Collected, config: CurationConfig, tmp_path: Path, text: bytes
) -> None:
    journal = journal_of(tmp_path / "kept.txt")
    journal.write_bytes(text)
    with pytest.raises(InputError, match="remove it and start without --resume"):
        curate(collection[0], tmp_path / "kept.txt", config, resume=True)
    assert journal.read_bytes() == text


def test_copies_lie_as_their_originals(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder, _ = collection
    names = [folder / "deep", folder / "chelsea.png"]
    (tmp_path / "kept").mkdir()
    result = curate(names, tmp_path / "kept", config)
    copies = {str(path.relative_to(tmp_path / "kept")) for path in (tmp_path / "kept").rglob("*")}
    assert copies == {"chelsea.png", "deep", "deep/coffee.jpg"}
    for path in result.kept:
        copy = tmp_path / "kept" / path.relative_to(folder)
        assert copy.read_bytes() == path.read_bytes()
        assert copy.stat().st_mtime == path.stat().st_mtime


def test_a_list_says_what_was_left_out(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder, expected = collection
    result = curate(folder, tmp_path / "kept.json", config)
    record = json.loads((tmp_path / "kept.json").read_text())
    assert (record["format"], record["version"]) == ("edge-sdk curation", 1)
    assert record["kept"] == [str(path) for path in result.kept]
    reasons = {one["path"]: one["reason"] for one in record["left_out"]}
    assert reasons == {str(folder / name): why for name, why in expected.items() if why}
    assert record["settings"]["size"] == {"least_px": 200}


def test_names_with_line_breaks_are_for_json(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    odd = tmp_path / "a\nb.png"
    shutil.copy(collection[0] / "coffee.png", odd)
    with pytest.raises(OutputError, match=r"write a \.json"):
        curate(odd, tmp_path / "kept.txt", config)
    assert not (tmp_path / "kept.txt").exists()
    curate(odd, tmp_path / "kept.json", config)
    assert json.loads((tmp_path / "kept.json").read_text())["kept"] == [str(odd)]


def refused(result: type[Exception], match: str, *arguments: object, **options: object) -> None:
    with pytest.raises(result, match=match):
        curate(*arguments, **options)  # type: ignore[arg-type]


def test_what_cannot_be_curated_is_refused(collection: Collected, tmp_path: Path) -> None:
    folder, _ = collection
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "notes.txt").touch()
    refused(InputError, "no pictures given", [], tmp_path / "kept.txt")
    refused(InputError, "holds no picture", tmp_path / "none", tmp_path / "kept.txt")
    refused(InputError, "no such file or folder", tmp_path / "missing", tmp_path / "kept.txt")
    refused(InputError, "1 process or more, not 0", folder, tmp_path / "kept.txt", workers=0)
    refused(InputError, "no journal to resume", folder, tmp_path / "kept.txt", resume=True)
    refused(InputError, "name the output", folder, resume=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none"]


def test_places_that_are_taken_are_refused(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(collection[0], folder)
    before = digests(folder)
    full = tmp_path / "full"
    full.mkdir()
    (full / "a.png").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    coffee = folder / "coffee.png"
    refused(InputError, "lies in .*photos", folder, folder, config)
    refused(InputError, "lies in .*photos", folder, folder / "kept", config)
    refused(InputError, "lies in .*photos", folder, tmp_path / "link" / "kept", config)
    refused(OutputError, "holds files already", folder, full, config)
    refused(InputError, "is neither a list", folder, coffee, config)
    refused(InputError, "is neither a list", folder, tmp_path / "kept.csv", config)
    refused(OutputError, "is there already", folder, folder / "notes.txt", config)
    refused(OutputError, "does not exist", folder, tmp_path / "no" / "kept.txt", config)
    refused(InputError, "would replace .*coffee", folder, None, config, sheet=coffee)
    output = tmp_path / "kept.txt"
    refused(InputError, "would replace .*kept", folder, output, config, sheet=output)
    assert digests(folder) == before
    assert (full / "a.png").read_bytes() == b"mine"
    assert not output.exists()


def test_a_picture_that_goes_while_copies_are_made_is_named(
    collection: Collected, config: CurationConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    shutil.copytree(collection[0], folder)

    def remove(label: str, done: int, total: int) -> None:
        if label == "copy" and done == 0:
            (folder / "rocket.png").unlink()

    with pytest.raises(PictureError, match=r"rocket\.png: was there and has gone"):
        curate(folder, tmp_path / "kept", config, on_progress=remove)
    assert not (tmp_path / "kept").exists()


def test_a_criterion_cannot_be_there_twice() -> None:
    with pytest.raises(InputError, match="criterion size is there twice"):
        CurationConfig((Size(), Size(3)))


def test_without_an_output_nothing_is_written(
    collection: Collected, config: CurationConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = curate(collection[0], config=config)
    assert isinstance(result, CurationResult)
    assert result.output is None
    assert list(tmp_path.iterdir()) == []
