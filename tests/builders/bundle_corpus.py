"""Bundles that every reader, in whatever language, must take or refuse, and why.

``python -m tests.builders.bundle_corpus`` writes them to ``tests/bundle/corpus``: one zip each, and
``corpus.json`` with the kind of refusal, empty for those that are whole. ``key.public.pem`` is the
public key of the signed ones.
"""

from __future__ import annotations

import functools
import json
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from edge_sdk.bundle.canonical import canonical
from edge_sdk.bundle.manifest import MINOR
from edge_sdk.bundle.names import SIGNATURE
from edge_sdk.bundle.signature import public_pem, sign
from edge_sdk.bundle.zip_form import END
from tests.builders.bundles import bound, entries, small, small_burst, zipped

FOLDER = Path(__file__).parents[1] / "bundle" / "corpus"
SECRET = 0x1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF1234567890ABCDEF
"""Of a key that signs this corpus and nothing else."""
Change = Callable[[dict[str, Any]], object]


@functools.cache
def key() -> Path:
    """The private key of the corpus, as a file."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = ec.derive_private_key(SECRET, ec.SECP256R1())
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = Path(tempfile.mkdtemp()) / "key.pem"
    path.write_bytes(text)
    return path


@functools.cache
def public_key() -> Path:
    """Its public half, as a file."""
    path = key().with_name("key.public.pem")
    path.write_bytes(public_pem(key()))
    return path


@dataclass(frozen=True)
class Case:
    """A bundle and what becomes of it.

    Attributes:
        name: of its file, without the suffix.
        data: the zip.
        kind: of the refusal; empty where it is taken.
        keyed: whether it is read with the key of the corpus.
    """

    name: str
    data: bytes
    kind: str
    keyed: bool = False


def cases() -> Iterator[Case]:
    """All cases, in order."""
    manifest, files = small()
    text = manifest.to_bytes()
    whole = zipped(text, files)
    yield Case("whole", whole, "")
    burst, stages = small_burst()
    yield Case("whole-burst", zipped(burst.to_bytes(), stages), "")
    yield from _of_names()
    yield from _of_manifests()
    yield from _of_stages()
    yield from _of_drivers()
    yield from _of_files()
    yield from _of_vectors()
    yield from _of_zips(whole)
    yield from _of_signatures()


def changed(change: Change) -> bytes:
    """The small bundle with another manifest, in canonical form."""
    manifest, files = small()
    content = json.loads(manifest.to_bytes())
    change(content)
    return zipped(canonical(content), files)


def _set(*path: str | int, value: object) -> Change:
    def change(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


def _fill(top: int, bottom: int, value: int) -> Change:
    fill = {"top": top, "left": 0, "bottom": bottom, "right": 4, "value": value}
    return _set("vectors", "model", "groups", 0, "fills", value=[fill])


def _of_names() -> Iterator[Case]:
    for name, wrong in (
        ("traversal", "../model.tflite"),
        ("traversal-inside", "a/../../model.tflite"),
        ("absolute", "/model.tflite"),
        ("drive", "C:/model.tflite"),
        ("backslash", "a/model.tflite".replace("/", "\x5c")),
        ("device", "nul"),
        ("device-with-suffix", "a/COM1.tflite"),
        ("ends-in-dot", "model.tflite."),
        ("space", "model .tflite"),
        ("hidden", ".model.tflite"),
        ("empty-part", "a//model.tflite"),
        ("long", "a" * 161),
        ("deep", "a/b/c/d/e/f"),
    ):
        manifest, files = small()
        data = zipped(manifest.to_bytes(), {**files, wrong: b"x"})
        yield Case(f"name-{name}", data, "name")
    manifest, files = small()
    yield Case("name-case", zipped(manifest.to_bytes(), {**files, "CARD.md": b"x"}), "name")
    yield Case("name-folder", zipped(manifest.to_bytes(), {**files, "card.md/x": b"x"}), "name")
    listed = replace(manifest, files=(*entries({"../x": b"x"}), *manifest.files))
    yield Case("name-in-manifest", zipped(listed.to_bytes(), files), "name")


def _of_manifests() -> Iterator[Case]:
    _, files = small()
    text = small()[0].to_bytes()
    minor = f'"minor":{MINOR}'.encode()
    assert minor in text
    for name, wrong in (
        ("space", text.replace(b":", b": ", 1)),
        ("newline", text + b"\n"),
        ("twice", text.replace(b'{"', b'{"format":"edge-sdk bundle","', 1)),
        ("unsorted", b'{"zz":1,' + text[1:]),
        ("float", text.replace(minor, b'"minor":0.0')),
        ("exponent", text.replace(minor, b'"minor":0e0')),
        ("not-a-number", text.replace(minor, b'"minor":NaN')),
        ("null", text.replace(minor, b'"minor":null')),
        ("escape", text.replace(b'"small"', b'"sm\x5cu0061ll"')),
        ("unicode", text.replace(b'"small"', '"größer"'.encode())),
        ("array", b"[]"),
        ("empty", b""),
        ("cut", text[:-1]),
        ("deep", b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"),
        ("large-number", text.replace(minor, b'"minor":' + b"9" * 40)),
    ):
        yield Case(f"manifest-{name}", zipped(wrong, files), "manifest")
    for name, change in (
        ("format", _set("format", value="other")),
        ("platform", _set("platform", value="toaster")),
        ("no-variants", _set("variants", value=[])),
        ("no-graphs", _set("variants", 0, "graphs", value=[])),
        ("text-for-number", _set("minor", value="0")),
        ("no-file", _set("variants", 0, "graphs", 0, "file", value="other.tflite")),
        ("stage", _set("variants", 0, "graphs", 0, "stage", value="decode")),
        ("shape-zero", _set("variants", 0, "graphs", 0, "input", "shape", value=[1, 1, 0, 4])),
        ("shape-below-zero", _set("variants", 0, "graphs", 0, "output", "shape", value=[-4])),
        ("shape-huge", _set("variants", 0, "graphs", 0, "output", "shape", value=[1 << 50])),
        ("type", _set("variants", 0, "graphs", 0, "input", "dtype", value="complex64")),
        ("gate", _set("variants", 0, "graphs", 0, "gate_db", value=-100)),
        ("noise", _set("variants", 0, "noise_levels", value=[5, 2])),
        ("digest", _set("files", 0, "sha256", value="0" * 63 + "x")),
        ("size-below-zero", _set("files", 0, "size", value=-1)),
        ("unsorted-files", lambda content: content["files"].reverse()),
    ):
        yield Case(f"manifest-{name}", changed(change), "manifest")
    yield Case("version-newer", changed(_set("major", value=2)), "version")
    yield Case("version-text", changed(_set("major", value="1")), "version")
    yield Case("version-minor", changed(_set("minor", value=9)), "")
    yield Case("key-unknown", changed(_set("later", value=[1, "x"])), "")


def _of_stages() -> Iterator[Case]:
    manifest, files = small_burst()
    for name, change in (
        ("missing", lambda content: content["variants"][0]["graphs"].pop()),
        ("decoded", _set("burst", "decoded_px", value=9)),
        ("halo", _set("burst", "network_halo_px", value=-1)),
        ("scale", _set("picture", "scale", value=3)),
        ("scale-zero", _set("picture", "scale", value=0)),
        ("no-picture", lambda content: content.pop("picture")),
    ):
        content = json.loads(manifest.to_bytes())
        change(content)
        yield Case(f"stages-{name}", zipped(canonical(content), files), "graph")


def _of_drivers() -> Iterator[Case]:
    manifest, files = small_burst()
    driver = json.loads(files["driver.json"])
    for name, text in (
        ("cut", files["driver.json"][:-1]),
        ("empty", b"{}"),
        ("scale", json.dumps({**driver, "scale": 3}).encode()),
        ("no-constants", json.dumps({**driver, "constants": {}}).encode()),
        ("shapes", json.dumps({**driver, "shapes": {}}).encode()),
        ("constant-zero", _with_constant(driver, "burst.driver.tiles.LATTICE_PX", 0)),
        ("constant-huge", _with_constant(driver, "burst.stages.score.BLOCK_PX", 10**9)),
        ("constant-short", _with_constant(driver, "burst.stages.noise_map.LEVELS", [0.5])),
    ):
        made = {**files, "driver.json": text}
        yield Case(f"driver-{name}", zipped(bound(manifest, made).to_bytes(), made), "graph")
    for name in ("driver.json", "bursts.json"):
        less = {each: data for each, data in files.items() if each != name}
        data = zipped(bound(manifest, less).to_bytes(), less)
        yield Case(f"no-{name.removesuffix('.json')}", data, "listing")


def _with_constant(driver: dict[str, Any], name: str, value: object) -> bytes:
    constants = {**driver["constants"], name: value}
    return json.dumps({**driver, "constants": constants}).encode()


def _of_files() -> Iterator[Case]:
    manifest, files = small()
    text = manifest.to_bytes()
    less = {name: data for name, data in files.items() if name != "card.md"}
    yield Case("file-missing", zipped(text, less), "listing")
    yield Case("file-extra", zipped(text, {**files, "more.txt": b"x"}), "listing")
    yield Case("file-shorter", zipped(text, {**files, "card.md": b"# A"}), "listing")
    other = files["card.md"].replace(b"A", b"B")
    yield Case("file-other", zipped(text, {**files, "card.md": other}), "digest")
    tampered = {**files, "card.md": other}
    yield Case(
        "file-other-digested-anew", zipped(bound(manifest, tampered).to_bytes(), tampered), ""
    )
    bare = {name: data for name, data in files.items() if name != "golden.json"}
    yield Case("file-no-golden", zipped(bound(manifest, bare).to_bytes(), bare), "listing")


def _of_vectors() -> Iterator[Case]:
    manifest, files = small()
    content = json.loads(files["golden.json"])
    for name, change in (
        ("version", _set("version", value=9)),
        ("missing", _set("vectors", value={})),
        ("no-values", _set("vectors", "model", "values", value=[])),
        ("text", _set("vectors", "model", "values", value=["x"])),
        ("huge", _set("vectors", "model", "input", value=[1, 1, 1 << 20, 1 << 20])),
        ("below-zero", _set("vectors", "model", "input", value=[1, 1, -4, 4])),
        ("other-size", _set("vectors", "model", "input", value=[1, 1, 8, 4])),
        ("cell-zero", _set("vectors", "model", "groups", 0, "layers", 0, "cell", value=0)),
        ("cell-huge", _set("vectors", "model", "groups", 0, "layers", 0, "cell", value=1 << 40)),
        ("channels", _set("vectors", "model", "groups", 0, "channels", value=2)),
        ("channels-huge", _set("vectors", "model", "groups", 0, "channels", value=1 << 40)),
        ("output-zero", _set("vectors", "model", "output", value=[0])),
        ("seed", _set("vectors", "model", "seed", value=-1)),
        ("all-zero", _set("vectors", "model", "values", value=[0.0, 0.0])),
        ("fill-before", _fill(-1, 4, 0)),
        ("fill-beyond", _fill(0, 5, 0)),
        ("fill-huge", _fill(0, 4, 1 << 60)),
        ("shape-long", _set("vectors", "model", "output", value=[9] * 2000)),
    ):
        other = json.loads(json.dumps(content))
        change(other)
        made = {**files, "golden.json": json.dumps(other).encode()}
        yield Case(f"golden-{name}", zipped(bound(manifest, made).to_bytes(), made), "golden")
    made = {**files, "golden.json": files["golden.json"].replace(b"0.5", b"NaN")}
    yield Case("golden-nan", zipped(bound(manifest, made).to_bytes(), made), "golden")
    made = {**files, "golden.json": b"{"}
    yield Case("golden-cut", zipped(bound(manifest, made).to_bytes(), made), "golden")


def _of_zips(whole: bytes) -> Iterator[Case]:
    manifest, files = small()
    plain = {**files, "manifest.json": manifest.to_bytes()}
    end = len(whole) - END.size
    count, length, start = struct.unpack_from("<HII", whole, end + 10)
    yield Case("zip-other-program", _by_zipfile(plain, zipfile.ZIP_STORED), "container")
    yield Case("zip-deflated", _by_zipfile(plain, zipfile.ZIP_DEFLATED), "container")
    bomb = {**plain, "zeros": bytes(8 << 20)}
    yield Case("zip-bomb", _by_zipfile(bomb, zipfile.ZIP_DEFLATED), "container")
    yield Case("zip-cut", whole[:-1], "container")
    yield Case("zip-longer", whole + b"\0", "container")
    yield Case("zip-before", b"\0" + whole, "container")
    yield Case("zip-empty", b"", "container")
    yield Case("zip-text", b"hello", "container")
    yield Case("zip-count", _packed(whole, end + 8, "<HH", count + 1, count + 1), "container")
    yield Case("zip-start", _packed(whole, end + 16, "<I", start + 1), "container")
    yield Case("zip-length", _packed(whole, end + 12, "<I", length - 1), "container")
    yield Case("zip-comment", whole[:-2] + b"\x01\0x", "container")
    yield Case("zip-offset", _packed(whole, start + 42, "<I", 10), "container")
    yield Case("zip-size-huge", _packed(whole, start + 20, "<II", 1 << 31, 1 << 31), "container")
    yield Case("zip-encrypted", _packed(whole, start + 8, "<H", 1), "container")
    yield Case("zip-link", _packed(whole, start + 38, "<I", 0xA1FF0000), "container")
    yield Case("zip-local-name", whole.replace(b"card.md", b"CARD.md", 1), "container")
    yield Case("zip-checksum", whole.replace(b"# A", b"# B", 1), "container")
    yield Case("zip-twice", _twice(plain), "name")


def _of_signatures() -> Iterator[Case]:
    manifest, files = small()
    text = manifest.to_bytes()
    signed = {**files, SIGNATURE: sign(text, key())}
    yield Case("signed", zipped(text, signed), "", keyed=True)
    yield Case("signed-without-key", zipped(text, signed), "")
    yield Case("signature-missing", zipped(text, files), "signature", keyed=True)
    wrong = bytes([signed[SIGNATURE][0] ^ 1]) + signed[SIGNATURE][1:]
    yield Case("signature-wrong", zipped(text, {**files, SIGNATURE: wrong}), "signature", True)
    yield Case("signature-zero", zipped(text, {**files, SIGNATURE: bytes(64)}), "signature", True)
    short = {**files, SIGNATURE: signed[SIGNATURE][:63]}
    yield Case("signature-short", zipped(text, short), "signature")
    long = {**files, SIGNATURE: signed[SIGNATURE] + b"\0"}
    yield Case("signature-long", zipped(text, long), "signature")
    listed = {**files, SIGNATURE: bytes(64)}
    yield Case("signature-listed", zipped(bound(manifest, listed).to_bytes(), listed), "listing")
    tampered = {**signed, "card.md": files["card.md"].replace(b"A", b"B")}
    anew = bound(manifest, {name: tampered[name] for name in files}).to_bytes()
    yield Case("signed-then-tampered", zipped(anew, tampered), "signature", keyed=True)
    yield Case("signed-then-tampered-without-key", zipped(anew, tampered), "")


def _packed(data: bytes, offset: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, offset, *values)
    return bytes(changed)


def _by_zipfile(files: dict[str, bytes], method: int) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for name in sorted(files):
            made.writestr(zipfile.ZipInfo(name), files[name], method)
    return stream.getvalue()


def _twice(files: dict[str, bytes]) -> bytes:
    from edge_sdk.bundle.zip_form import write_zip

    stream = BytesIO()
    write_zip(stream, [*sorted(files.items()), ("card.md", files["card.md"])])
    return stream.getvalue()


def write_corpus(folder: Path) -> None:
    """Write all cases, and what becomes of each."""
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for case in cases():
        (folder / f"{case.name}.zip").write_bytes(case.data)
        told.append({key: value for key, value in asdict(case).items() if key != "data"})
    (folder / "corpus.json").write_text(json.dumps(told, indent=1) + "\n")
    (folder / "key.public.pem").write_bytes(public_pem(key()))


if __name__ == "__main__":
    write_corpus(FOLDER)
