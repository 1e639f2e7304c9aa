"""What is done to bundles: damaged manifests, files, vectors, names, bytes, zips and folders."""

from __future__ import annotations

import functools
import io
import json
import os
import random
import zipfile
from pathlib import Path
from typing import Any

from edge_sdk.bundle.burst_frames import DrawnBurst, DrawnFrame
from edge_sdk.bundle.burst_vectors import BurstVector, StepValues, write_bursts
from edge_sdk.bundle.canonical import canonical
from edge_sdk.errors import BundleError
from tests.builders.bundles import Files, bound, small, small_burst, zipped

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
    own = {**files, "bursts.json": _bursts()} if "bursts.json" in files else dict(files)
    name = draw.choice(
        [each for each in ("golden.json", "bursts.json", "driver.json") if each in own]
    )
    content = json.loads(own[name])
    for _ in range(draw.randint(1, 2)):
        _damage(draw, content)
    made = {**own, name: json.dumps(content).encode()}
    return _zip(bound(manifest, made).to_bytes(), made)


@functools.cache
def _bursts() -> bytes:
    """A golden burst that can be drawn; what came of it is made up."""
    moved = (DrawnFrame(0, 0), DrawnFrame(5, -3, noise=1, levels=600))
    step = StepValues((1, 4, 4), (0.5, 0.25))
    vector = BurstVector(
        DrawnBurst("small", 32, 40, moved, ((1, 2, 0),)),
        luma=step,
        levels=(step, step),
        scores=(1.0, 0.5),
        reference=0,
        used=(0, 1),
        reasons=("", ""),
        motions=((), (1.0, 0.0, 1.25, 0.0, 1.0, -0.75, 0.0, 0.0, 1.0)),
        lights=((), (1.0, 1.0, 1.0)),
        noise=(0.01,) * 36,
        lens_px=0.3,
        hot=1,
        features=step,
        picture=step,
    )
    return write_bursts((vector,))


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


def write_folder(draw: random.Random, folder: Path) -> None:
    """One mutant as a folder that does not exist yet, with what folders alone can hold."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(io.BytesIO(mutant(draw))) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
        manifest, files = small()
        contents = {**files, "manifest.json": manifest.to_bytes()}
    for name, held in contents.items():
        path = folder / name.replace("\0", "0").replace("..", "").strip("/")
        taken = path.exists() or any(above.is_file() for above in path.parents)
        if len(path.name) < 200 and path != folder and not taken:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(held)
    present = sorted(each for each in folder.iterdir() if each.is_file())
    chosen = draw.choice(present)
    action = draw.randrange(8)
    if action == 0:
        chosen.unlink()
        chosen.symlink_to("/etc/hostname")
    elif action == 1:
        free = (folder / name for name in draw.sample(("more", "CARD.md", "card.md ", "aux"), 4))
        next(path for path in free if not path.exists()).symlink_to(folder)
    elif action == 2:
        os.mkfifo(folder / "pipe")
    elif action == 3:
        (folder / "sub" / "sub").mkdir(parents=True)
        (folder / "sub" / draw.choice(("x", "card.md"))).write_bytes(b"x")
    elif action == 4:
        with chosen.open("r+b") as stream:
            stream.truncate(draw.choice((0, 1, 1 << 20, 1 << 36)))
    elif action == 5:
        chosen.rename(folder / chosen.name.upper())
    elif action == 6:
        (Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe"))).write_bytes(b"x")
