"""Folders and zips: what is refused before a byte of a file is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_sdk.bundle import open_bundle
from edge_sdk.errors import BundleError
from tests.builders.bundles import small, written, zipped


def test_a_folder_and_a_zip_hold_the_same(tmp_path: Path) -> None:
    manifest, files = small()
    folder = written(tmp_path / "folder", manifest.to_bytes(), files)
    (tmp_path / "b.zip").write_bytes(zipped(manifest.to_bytes(), files))
    for path in (folder, tmp_path / "b.zip"):
        bundle = open_bundle(path)
        assert bundle.manifest == manifest
        assert bundle.read("card.md") == files["card.md"]
        with bundle.unpacked() as unpacked:
            assert {p.name: p.read_bytes() for p in unpacked.iterdir()} == files
        assert not unpacked.exists()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none\.zip: cannot be read \(No such file"):
        open_bundle(tmp_path / "none.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match=r"holds no manifest\.json and is no bundle"):
        open_bundle(tmp_path / "empty")


@pytest.mark.parametrize("kind", ["link", "link to a folder", "link outside", "pipe"])
def test_a_folder_with_more_than_files_is_refused(tmp_path: Path, kind: str) -> None:
    manifest, files = small()
    folder = written(tmp_path / "folder", manifest.to_bytes(), files)
    card = folder / "card.md"
    if kind == "link":
        (tmp_path / "card.md").write_bytes(card.read_bytes())
        card.unlink()
        card.symlink_to(tmp_path / "card.md")
    elif kind == "link to a folder":
        (folder / "more").symlink_to(tmp_path)
    elif kind == "link outside":
        (folder / "more").symlink_to("/etc/passwd")
    else:
        os.mkfifo(folder / "more")
    with pytest.raises(BundleError, match="is a link or device; remove it") as refused:
        open_bundle(folder)
    assert refused.value.kind == "container"


def test_a_file_that_changed_after_it_was_checked_is_not_unpacked(tmp_path: Path) -> None:
    manifest, files = small()
    folder = written(tmp_path / "folder", manifest.to_bytes(), files)
    bundle = open_bundle(folder)
    card = folder / "card.md"
    card.write_bytes(card.read_bytes().replace(b"A", b"B"))
    with pytest.raises(BundleError, match="is not the file that was packed"), bundle.unpacked():
        pass
    card.unlink()
    card.symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match="cannot be read"), bundle.unpacked():
        pass
