"""Mutants of bundles by the hundred thousand: none may crash, hang, grow or write outside.

``python -m tests.bundle.fuzzing --mutants 200000`` draws them from a seed, one in eight a folder. A
mutant is read as any bundle is; it must be refused by one line that says why, or be whole by a
judge that shares no code with the reader: Python's own zipfile, json and hashlib. One in four that
are taken is verified too: golden vectors and bursts are drawn, its graphs, which are none, refused.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from edge_sdk.bundle import Bundle, open_bundle, verify_bundle
from edge_sdk.bundle.burst_vectors import read_bursts
from edge_sdk.errors import BundleError
from tests.builders.bundles import small, zipped
from tests.bundle.mutants import mutant, write_folder

SECONDS = 5
"""What one mutant may take."""
GROWTH_MB = 256
"""What the process may grow by, over all mutants."""


def judge(data: bytes) -> None:
    """Whether a bundle that was taken is whole, told without the reader.

    Raises:
        AssertionError: if it is not.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len({name.lower() for name in names})
        assert not any(name.startswith("/") or ".." in name.split("/") for name in names)
        manifest = json.loads(archive.read("manifest.json"))
        listed = {entry["name"]: entry for entry in manifest["files"]}
        assert set(names) - {"manifest.json", "manifest.sig"} == set(listed)
        for name, entry in listed.items():
            contents = archive.read(name)
            assert len(contents) == entry["size"]
            assert hashlib.sha256(contents).hexdigest() == entry["sha256"]


def judge_folder(folder: Path) -> None:
    """The same of a folder.

    Raises:
        AssertionError: if it is not whole.
    """
    manifest = json.loads((folder / "manifest.json").read_bytes())
    listed = {entry["name"]: entry for entry in manifest["files"]}
    names = set()
    for below, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(below) / name
            assert not path.is_symlink()
            if name in files:
                assert path.is_file()
                names.add(path.relative_to(folder).as_posix())
    assert names - {"manifest.json", "manifest.sig"} == set(listed)
    for name, entry in listed.items():
        contents = (folder / name).read_bytes()
        assert len(contents) == entry["size"]
        assert hashlib.sha256(contents).hexdigest() == entry["sha256"]


def try_one(path: Path, verified: bool = True) -> str:
    """Read a mutant, alone in its folder: the kind of its refusal, or ``taken``.

    Raises:
        AssertionError: if it is taken and not whole, or refused by more than one line, or something
            appears in the folder.
    """
    try:
        bundle = open_bundle(path)
    except BundleError as refused:
        _check_message(str(refused))
        return refused.kind
    if path.is_dir():
        judge_folder(path)
    else:
        judge(path.read_bytes())
    with bundle.unpacked() as unpacked:
        inside = {each.resolve() for each in unpacked.rglob("*")}
        assert all(each.is_relative_to(unpacked.resolve()) for each in inside)
    if verified:
        _verify(bundle)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return "taken"


def _verify(bundle: Bundle) -> None:
    for vector in bundle.golden.values():
        vector.drawn()
    try:
        if bundle.manifest.burst is not None:
            for vector in read_bursts(bundle.read("bursts.json"), "bursts.json"):
                vector.burst.drawn()
        verify_bundle(bundle)
    except BundleError as refused:
        _check_message(str(refused))


def _check_message(message: str) -> None:
    assert len(message.splitlines()) == 1, message
    assert message.isprintable(), message


def run(
    count: int, seed: int, on_each: Callable[[int], object] = lambda done: None
) -> Counter[str]:
    """Try so many mutants.

    Returns:
        How often each refusal was given.
    """
    found: Counter[str] = Counter()
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # What runtimes load once is none of a mutant's growth.
        manifest, files = small()
        path = folder / "mutant"
        path.write_bytes(zipped(manifest.to_bytes(), files))
        assert try_one(path) == "taken"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for index in range(count):
            draw = random.Random(seed * 1_000_003 + index)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            if draw.randrange(8):
                path.write_bytes(mutant(draw))
            else:
                write_folder(draw, path)
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                found[try_one(path, verified=draw.random() < 0.25)] += 1
            except BaseException as error:
                error.add_note(f"seed {seed}, mutant {index}")
                raise
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            on_each(index)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < GROWTH_MB, f"grew by {grown:.0f} MB"
    return found


def main() -> None:
    """Try mutants and print what became of them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--mutants", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    arguments = parser.parse_args()
    started = time.monotonic()
    found = run(arguments.mutants, arguments.seed)
    told = ", ".join(f"{kind} {count}" for kind, count in found.most_common())
    seconds = time.monotonic() - started
    sys.stdout.write(f"{arguments.mutants} mutants in {seconds:.0f} s: {told}\n")


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"a mutant took more than {SECONDS} s")


if __name__ == "__main__":
    main()
