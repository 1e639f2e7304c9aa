"""Reading a bundle: sizes before memory, digests before parsing, parsing before any runtime."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.bundle.canonical import MOST_BYTES
from edge_sdk.bundle.container import (
    Container,
    FolderContainer,
    open_container,
    read_file,
    sha256_of,
)
from edge_sdk.bundle.golden import GoldenVector, read_golden
from edge_sdk.bundle.manifest import BundleManifest, read_manifest
from edge_sdk.bundle.names import BURSTS, DRIVER, GOLDEN, MANIFEST, SIGNATURE
from edge_sdk.bundle.signature import BYTES, check_public, check_signature
from edge_sdk.bundle.stage_record import as_torch, check_driver, stage_record
from edge_sdk.errors import BundleError, InputError


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle that is whole: all its files are there, no others, and each is what was packed.

    Attributes:
        path: the folder or zip.
        manifest: what it says of itself.
        sha256: of its manifest's bytes.
        golden: its golden vectors, by key.
        signature: 64 bytes, or ``None`` if it is not signed.
        container: its files.

    Example:
        >>> from edge_sdk.bundle import PackOptions, Wanted, open_bundle, pack
        >>> from edge_sdk.zoo import load_any
        >>> options = PackOptions((Wanted("tflite", "fp32"),), "web")
        >>> packed = pack(load_any("sr_x2_y").resized(48, 48), "sr.zip", options)
        >>> bundle = open_bundle("sr.zip")
        >>> bundle.manifest.name, bundle.signature is None, sorted(bundle.golden)
        ('sr_x2_y', True, ['model'])
    """

    path: Path
    manifest: BundleManifest
    sha256: str
    golden: dict[str, GoldenVector]
    signature: bytes | None
    container: Container

    def read(self, name: str) -> bytes:
        """Contents of a file of at most a megabyte, as they were packed.

        Raises:
            BundleError: if there is none of that name, it is larger, or has changed since.
        """
        if name not in self.container.sizes:
            raise BundleError(f"{self.path}: holds no {name}; pack the bundle anew", "listing")
        return _read_checked(self.manifest, self.container, name)

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """A folder of one's own with all files, as they were checked, for runtimes that open files.

        Raises:
            BundleError: if a file is no longer what it was when it was checked.
        """
        with tempfile.TemporaryDirectory(prefix="edge-sdk-bundle-") as place:
            folder = Path(place)
            for entry in self.manifest.files:
                target = folder / entry.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as stream:
                    for chunk in self.container.chunks(entry.name):
                        stream.write(chunk)
            _check_digests(self.manifest, FolderContainer(folder))
            yield folder


def open_bundle(path: str | Path, key: str | Path | None = None) -> Bundle:
    """Read a bundle and check that it is whole, and with a key whose it is.

    Without a key nothing is known of its origin: who changes a file can change its digest too.

    Args:
        path: a folder or zip that ``edge-sdk pack`` wrote.
        key: public key in PEM that must have signed it; ``None`` to take any.

    Raises:
        BundleError: of one line, naming the file and what is wrong with it.
        InputError: if the key cannot be read.
        MissingExtraError: if there is a key and cryptography is not installed.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.bundle import open_bundle
        >>> Path("empty").mkdir()
        >>> open_bundle("empty")
        Traceback (most recent call last):
        edge_sdk.errors.BundleError: empty: holds no manifest.json and is no bundle; ...
    """
    path = Path(path)
    if key is not None:
        check_public(Path(key))
    container = open_container(path)
    try:
        return _checked(path, container, None if key is None else Path(key))
    except InputError:
        raise
    except BundleError as error:
        raise BundleError(f"{path}: {error}", error.kind) from error
    except OSError as error:
        reason = error.strerror or error
        raise BundleError(f"{path}: cannot be read ({reason})", "container") from error


def _checked(path: Path, container: Container, key: Path | None) -> Bundle:
    sizes = dict(container.sizes)
    if MANIFEST not in sizes:
        raise BundleError(
            f"holds no {MANIFEST} and is no bundle; pack one with `edge-sdk pack`", "listing"
        )
    text = read_file(container, MANIFEST, MOST_BYTES)
    if sizes.get(SIGNATURE, BYTES) != BYTES:
        raise BundleError(f"{SIGNATURE}: has {sizes[SIGNATURE]} bytes, not {BYTES}", "signature")
    signature = read_file(container, SIGNATURE, BYTES) if SIGNATURE in sizes else None
    if key is not None:
        if signature is None:
            raise BundleError(f"is not signed, by {key.name} or anyone; do not use it", "signature")
        check_signature(text, signature, key)
    manifest = read_manifest(text)
    listed = {entry.name: entry.size for entry in manifest.files}
    found = {name: size for name, size in sizes.items() if name not in (MANIFEST, SIGNATURE)}
    missing, extra = sorted(listed.keys() - found.keys()), sorted(found.keys() - listed.keys())
    if missing:
        raise BundleError(f"{missing[0]} is missing; copy it again, or pack anew", "listing")
    if extra:
        raise BundleError(f"{extra[0]} is no file of this bundle; remove it", "listing")
    for name, size in listed.items():
        if found[name] != size:
            raise BundleError(
                f"{name}: has {found[name]} bytes, not {size}; copy it again", "listing"
            )
    _check_digests(manifest, container)
    for name in (GOLDEN,) if manifest.burst is None else (GOLDEN, BURSTS, DRIVER):
        if name not in listed:
            raise BundleError(f"holds no {name}; pack the bundle anew", "listing")
    golden = read_golden(_read_checked(manifest, container, GOLDEN), GOLDEN)
    _check_vectors(manifest, golden)
    for variant in manifest.variants:
        if manifest.burst is not None:
            record = stage_record(manifest, variant)
            check_driver(_read_checked(manifest, container, DRIVER), record)
    return Bundle(path, manifest, hashlib.sha256(text).hexdigest(), golden, signature, container)


def _check_digests(manifest: BundleManifest, container: Container) -> None:
    for entry in manifest.files:
        if sha256_of(container, entry.name) != entry.sha256:
            raise BundleError(
                f"{entry.name}: is not the file that was packed; copy it again", "digest"
            )


def _read_checked(manifest: BundleManifest, container: Container, name: str) -> bytes:
    """Contents of a small file, hashed as they are read."""
    contents = read_file(container, name, MOST_BYTES)
    known = {entry.name: entry.sha256 for entry in manifest.files}
    if known.get(name) != hashlib.sha256(contents).hexdigest():
        raise BundleError(f"{name}: is not the file that was packed; copy it again", "digest")
    return contents


def _check_vectors(manifest: BundleManifest, golden: dict[str, GoldenVector]) -> None:
    for variant in manifest.variants:
        for graph in variant.graphs:
            vector = golden.get(graph.golden)
            if vector is None:
                raise BundleError(
                    f"{GOLDEN}: has no vector {graph.golden}; pack the bundle anew", "golden"
                )
            if vector.input != as_torch(graph.input.shape, graph.input.layout):
                raise BundleError(
                    f"{GOLDEN}: the vector {graph.golden} is not of the size that {graph.file} "
                    "takes; pack the bundle anew",
                    "golden",
                )
