"""A bundle in its place: built aside, tried, signed, and then renamed, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.bundle.building import PackOptions, build
from edge_sdk.bundle.canonical import MOST_BYTES
from edge_sdk.bundle.container import FolderContainer, read_file
from edge_sdk.bundle.manifest import BundleManifest, read_manifest
from edge_sdk.bundle.names import MANIFEST, SIGNATURE
from edge_sdk.bundle.reading import open_bundle
from edge_sdk.bundle.signature import check_private, sign
from edge_sdk.bundle.verification import BundleCheck, verify_bundle
from edge_sdk.bundle.zip_form import write_zip
from edge_sdk.errors import BundleError, OutputError
from edge_sdk.outputs import check_writable, replacing
from edge_sdk.progress import Progress
from edge_sdk.zoo.loading import LoadedModel


@dataclass(frozen=True, eq=False)
class Packed:
    """A bundle that was written.

    Attributes:
        path: the folder or zip.
        manifest: what it says of itself.
        check: how its graphs did on the golden vectors, in the runtimes that are here.
        size: bytes of all files.

    Example:
        >>> from edge_sdk.bundle import Packed, PackOptions, Wanted, pack
        >>> from edge_sdk.zoo import load_any
        >>> options = PackOptions((Wanted("tflite", "fp32"),), "web")
        >>> packed = pack(load_any("sr_x2_y").resized(48, 48), "small.zip", options)
        >>> isinstance(packed, Packed), packed.size < 200_000
        (True, True)
    """

    path: Path
    manifest: BundleManifest
    check: BundleCheck
    size: int


def pack(
    loaded: LoadedModel,
    path: str | Path,
    options: PackOptions,
    key: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Packed:
    """Convert a model to all targets of a bundle and write it, if every graph passes its gate.

    Args:
        loaded: the model.
        path: a new or empty folder, or an earlier bundle, which is replaced; or a ``.zip``.
        options: what it is to hold.
        key: private key in PEM that signs it.
        on_progress: told of every graph.

    Raises:
        InputError: if a precision has no codes, or the key is none.
        ConversionError: if a graph cannot be lowered.
        MissingExtraError: if a package is not installed.
        BundleError: if a graph misses its gate on the golden vectors.
        OutputError: if the bundle cannot be written.

    Example:
        >>> from edge_sdk.bundle import PackOptions, Wanted, pack
        >>> from edge_sdk.zoo import load_any
        >>> options = PackOptions((Wanted("tflite", "fp32"),), "web")
        >>> packed = pack(load_any("sr_x2_y").resized(48, 48), "sr.zip", options)
        >>> packed.check.passed, packed.manifest.platform
        (True, 'web')
    """
    path = Path(path)
    if key is not None:
        check_private(Path(key))
    _check_place(path)
    with _beside(path) as folder:
        manifest = build(loaded, options, folder, on_progress)
        text = manifest.to_bytes()
        (folder / MANIFEST).write_bytes(text)
        if key is not None:
            (folder / SIGNATURE).write_bytes(sign(text, Path(key)))
        check = verify_bundle(open_bundle(folder))
        missed = next((row for row in check.rows if not row.passed), None)
        if missed is not None:
            raise BundleError(
                f"{missed.stage} as {missed.variant} gives {missed.snr_db:.1f} dB on its golden "
                f"vector, less than {missed.gate_db}: nothing was written"
            )
        wrong = next((burst for burst in check.bursts if not burst.passed), None)
        if wrong is not None:
            why = wrong.differs or f"{wrong.picture_db:.1f} dB, less than {wrong.gate_db}"
            raise BundleError(
                f"the golden burst '{wrong.name}' by {wrong.variant} differs ({why}): nothing was "
                "written"
            )
        size = manifest.size + len(text)
        if path.suffix == ".zip":
            _write_zip(folder, path)
        else:
            _rename(folder, path)
    return Packed(path, manifest, check, size)


def _check_place(path: Path) -> None:
    if path.suffix == ".zip":
        check_writable(path)
        return
    if not path.is_dir() and (path.exists() or path.suffix):
        raise OutputError(f"{path}: is no folder; give the name of a folder, or one ending in .zip")
    if path.is_dir() and any(path.iterdir()) and not _is_earlier_bundle(path):
        raise OutputError(f"{path}: holds other files; give a new or an empty folder")
    check_writable(path / MANIFEST if path.is_dir() else path)


def _is_earlier_bundle(path: Path) -> bool:
    """Whether a folder holds a bundle and nothing else, so that it may be replaced."""
    try:
        container = FolderContainer(path)
        manifest = read_manifest(read_file(container, MANIFEST, MOST_BYTES))
    except (BundleError, KeyError, OSError):
        return False
    listed = {MANIFEST, SIGNATURE, *(entry.name for entry in manifest.files)}
    return set(container.sizes) <= listed


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new folder beside a path, on the same file system; gone afterwards.

    Raises:
        OutputError: for whatever cannot be written inside.
    """
    path = path.absolute()
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as place:
            inner = Path(place) / "bundle"
            inner.mkdir()
            yield inner
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


def _write_zip(folder: Path, path: Path) -> None:
    names = sorted(
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
    )
    with replacing(path) as temporary, temporary.open("wb") as stream:
        write_zip(stream, ((name, (folder / name).read_bytes()) for name in names))
        stream.flush()
        os.fsync(stream.fileno())


def _rename(folder: Path, path: Path) -> None:
    old = folder.parent / "replaced"
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
    if path.exists():
        path.rename(old)
    try:
        folder.rename(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise
