"""Mutants of bundles by the hundred thousand: none may crash, hang, grow or write outside.

``python -m tests.bundle.fuzzing --mutants 200000`` draws them from a seed. A mutant is read as any
bundle is; it must be refused by one line that says why, or be whole by a judge that shares no code
with the reader: Python's own zipfile, json and hashlib.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import resource
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_sdk.bundle import open_bundle
from edge_sdk.bundle.canonical import canonical
from edge_sdk.errors import BundleError
from tests.builders.bundles import Files, bound, small, small_burst, zipped

SECONDS = 5
"""What one mutant may take."""
GROWTH_MB = 256
"""What the process may grow by, over all mutants."""
NAMES = (
    "../x", "/x", "a/../x", "CON", "nul.txt", "a\\b", "card.MD", "ca\u200drd.md", ".", "..", "",
    "x" * 200, "manifest.json", "manifest.sig", "golden.json", "a/b/c/d/e/f", "x\0y", "~", "-rf",
)  # fmt: skip
VALUES = (
    0, 1, -1, 2**31, 2**53, 2**63, 2**200, 1.5, float("inf"), float("nan"), None, True, "", "x",
    "1", [], {}, [[]], "a" * 4000, "\u0000", "é",
)  # fmt: skip


def mutant(draw: random.Random) -> bytes:
    """One mutant, as a zip."""
    manifest, files = draw.choice((small, small_burst))()
    kind = draw.choice((_of_manifest, _of_files, _of_vectors, _of_names, _of_bytes, _of_zip))
    return kind(draw, manifest, files)


def _of_manifest(draw: random.Random, manifest: Any, files: Files) -> bytes:
    content = json.loads(manifest.to_bytes())
    for _ in range(draw.randint(1, 3)):
        _damage(draw, content)
    text = _as_text(draw, content)
    return _zip(text, files)


def _of_files(draw: random.Random, manifest: Any, files: Files) -> bytes:
    name = draw.choice(sorted(files))
    made = dict(files)
    action = draw.randrange(4)
    if action == 0:
        del made[name]
    elif action == 1:
        made[name] = _flipped(draw, made[name])
    elif action == 2:
        made[name] = made[name] * draw.randint(0, 3)
    else:
        made[draw.choice(("more", "a/b", "golden.json2"))] = b"x" * draw.randint(0, 9)
    anew = draw.random() < 0.5
    return _zip((bound(manifest, made) if anew else manifest).to_bytes(), made)


def _of_vectors(draw: random.Random, manifest: Any, files: Files) -> bytes:
    content = json.loads(files["golden.json"])
    for _ in range(draw.randint(1, 2)):
        _damage(draw, content)
    made = {**files, "golden.json": json.dumps(content).encode()}
    return _zip(bound(manifest, made).to_bytes(), made)


def _of_names(draw: random.Random, manifest: Any, files: Files) -> bytes:
    name, wrong = draw.choice(sorted(files)), draw.choice(NAMES)
    made = dict(files)
    made[wrong] = made.pop(name) if draw.random() < 0.5 else made[name]
    text = manifest.to_bytes()
    if draw.random() < 0.5:
        text = text.replace(f'"{name}"'.encode(), json.dumps(wrong).encode())
    return _zip(text, made)


def _of_bytes(draw: random.Random, manifest: Any, files: Files) -> bytes:
    return _flipped(draw, zipped(manifest.to_bytes(), files))


def _of_zip(draw: random.Random, manifest: Any, files: Files) -> bytes:
    data = bytearray(zipped(manifest.to_bytes(), files))
    action = draw.randrange(4)
    if action == 0:
        return bytes(data[: draw.randrange(len(data))])
    if action == 1:
        return bytes(data) + bytes(draw.randrange(256) for _ in range(draw.randint(1, 64)))
    signs = [place for sign in (b"PK\1\2", b"PK\3\4", b"PK\5\6") for place in _all(data, sign)]
    place = draw.choice(signs) + draw.randint(4, 45)
    if action == 2 and place < len(data):
        data[place] = draw.randrange(256)
    else:
        width = draw.choice((2, 4))
        data[place : place + width] = draw.choice((b"\0", b"\xff")) * width
    return bytes(data)


def _all(data: bytearray, sign: bytes) -> list[int]:
    places, at = [], data.find(sign)
    while at >= 0:
        places.append(at)
        at = data.find(sign, at + 1)
    return places


def _zip(text: bytes, files: Files) -> bytes:
    try:
        return zipped(text, files)
    except UnicodeEncodeError:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as made:
            for name, contents in {**files, "manifest.json": text}.items():
                made.writestr(name, contents)
        return stream.getvalue()


def _as_text(draw: random.Random, content: object) -> bytes:
    try:
        return canonical(content)
    except BundleError:
        return json.dumps(content, sort_keys=draw.random() < 0.9, separators=(",", ":")).encode()


def _damage(draw: random.Random, content: Any) -> None:
    """Change one place somewhere below."""
    place = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw.choice(keys)
        if not isinstance(place[key], dict | list) or draw.random() < 0.25:
            break
        place = place[key]
    action = draw.randrange(4)
    if action == 0:
        del place[key]
    elif action == 1 and isinstance(place, dict):
        place[draw.choice(("later", "files", "x" * 99))] = place[key]
    elif action == 2 and isinstance(place[key], int):
        place[key] += draw.choice((-1, 1, 255, 1 << 20, -(1 << 40)))
    else:
        place[key] = draw.choice(VALUES)


def _flipped(draw: random.Random, data: bytes) -> bytes:
    if not data:
        return b"x"
    changed = bytearray(data)
    for _ in range(draw.randint(1, 3)):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


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


def try_one(data: bytes, folder: Path) -> str:
    """Read a mutant: the kind of its refusal, or ``taken``.

    Raises:
        AssertionError: if it is taken and not whole, or refused by more than one line, or something
            appears in the folder.
    """
    path = folder / "mutant.zip"
    path.write_bytes(data)
    try:
        bundle = open_bundle(path)
    except BundleError as refused:
        message = str(refused)
        assert len(message.splitlines()) == 1, message
        assert message.isprintable(), message
        return refused.kind
    judge(data)
    with bundle.unpacked() as unpacked:
        inside = {each.resolve() for each in unpacked.rglob("*")}
        assert all(each.is_relative_to(unpacked.resolve()) for each in inside)
    assert [each.name for each in folder.iterdir()] == ["mutant.zip"]
    return "taken"


def run(
    count: int, seed: int, on_each: Callable[[int], object] = lambda done: None
) -> Counter[str]:
    """Try so many mutants.

    Returns:
        How often each refusal was given.
    """
    found: Counter[str] = Counter()
    signal.signal(signal.SIGALRM, _too_long)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for index in range(count):
            data = mutant(random.Random(seed * 1_000_003 + index))
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                found[try_one(data, folder)] += 1
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
