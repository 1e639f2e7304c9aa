from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import ModelError, OutputError
from edge_sdk.outputs import LONGEST_NAME_BYTES, check_writable, is_same_file, replacing


def test_a_result_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".bin"
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.package") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("x")
    assert (tmp_path / "a.package" / "part").read_text() == "x"


@pytest.mark.parametrize("error", [ModelError("wrong"), KeyboardInterrupt(), RuntimeError("bug")])
@pytest.mark.parametrize("as_folder", [False, True])
def test_after_a_failure_the_old_result_stands(tmp_path: Path, error, as_folder) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacing(path) as temporary:
            if as_folder:
                temporary.mkdir()
                (temporary / "part").touch()
            else:
                temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    def fail() -> None:
        with replacing(tmp_path / "a") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError) as caught:
        fail()
    assert str(caught.value) == f"{tmp_path / 'a'}: cannot be written (No space left on device)"
    assert list(tmp_path.iterdir()) == []


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"), replacing(tmp_path / "a"):
        pass


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=90))
def test_any_name_that_fits_can_be_written(tmp_path_factory, name: str) -> None:
    if name in (".", ".."):
        return
    folder = tmp_path_factory.mktemp("names")
    path = folder / name
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        with pytest.raises(OutputError, match="too long"):
            check_writable(path)
        return
    with replacing(path) as temporary:
        temporary.write_bytes(b"x")
    assert [entry.name for entry in folder.iterdir()] == [name]


def test_places_that_cannot_be_written_are_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path / "none" / "a", "does not exist; create it first"),
        (tmp_path / "file" / "a", "file is a file and no folder; choose another place"),
        (tmp_path, "is a folder; give the name of a file"),
        (Path(), "is a folder"),
        (tmp_path / ("x" * (LONGEST_NAME_BYTES + 1)), "too long"),
    ):
        with pytest.raises(OutputError, match=message):
            check_writable(path)
    check_writable(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="not writable; choose another place"):
        check_writable(tmp_path / "a")


def test_a_name_in_the_current_folder_needs_no_path(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with replacing(Path("a.txt")) as temporary:
        temporary.write_text("x")
    assert (tmp_path / "a.txt").read_text() == "x"


def test_devices_and_pipes_are_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="device or pipe"):
        check_writable(pipe)
    with pytest.raises(OutputError, match="device or pipe"), replacing(Path(os.devnull)):
        pass
    assert pipe.is_fifo()


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_folder_that_is_a_file_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(OutputError, match=r"photo\.jpg is a file and no folder"):
        check_writable(tmp_path / "photo.jpg" / "x.png")


def test_a_link_that_leads_to_itself_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(link)
    with pytest.raises(OutputError, match=r"cannot be written .*; choose another place"):
        check_writable(link)
    with pytest.raises(OutputError, match="cannot be written"), replacing(link):
        pass
    assert link.is_symlink()


def test_one_file_is_known_by_any_of_its_names(tmp_path: Path) -> None:
    there, hard, soft = (tmp_path / name for name in ("there", "hard", "soft"))
    there.touch()
    hard.hardlink_to(there)
    soft.symlink_to(there)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to none").symlink_to("none")
    assert is_same_file(there, hard)
    assert is_same_file(soft, hard)
    assert is_same_file(tmp_path / "none", tmp_path / "to none")
    assert is_same_file(tmp_path / "loop", tmp_path / "loop")
    assert not is_same_file(there, tmp_path / "none")
    assert not is_same_file(there, tmp_path / "loop")
    assert not is_same_file(there, tmp_path / ("x" * 300))
