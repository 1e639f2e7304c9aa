"""Where the files of a bundle lie: in a folder, or one after the other in a zip."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from edge_sdk.bundle.names import MANIFEST, check_names
from edge_sdk.bundle.zip_form import MOST_BYTES, MOST_ENTRIES, read_zip
from edge_sdk.errors import BundleError

_CHUNK = 1 << 20
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""A link that took the place of a file is not followed, and a pipe is not waited for."""


class Container(Protocol):
    """Files by name.

    Attributes:
        sizes: bytes of each file, by name; known before any of it is read.
    """

    sizes: dict[str, int]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Contents of a file, at most a megabyte at a time."""
        ...


class FolderContainer:
    """Files below a folder.

    Args:
        folder: without links and without anything else than files and folders.

    Raises:
        BundleError: if something else lies there, or names cannot lie in one bundle.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sizes: dict[str, int] = {}
        waiting, folders = [""], 0
        while waiting:
            below = waiting.pop()
            folders += 1
            for seen, entry in enumerate(os.scandir(folder / below)):
                name = f"{below}/{entry.name}" if below else entry.name
                mode = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(mode.st_mode):
                    waiting.append(name)
                elif stat.S_ISREG(mode.st_mode):
                    self.sizes[name] = mode.st_size
                else:
                    raise BundleError(f"{name!a} is a link or device; remove it", "container")
                if max(len(self.sizes) + len(waiting), folders, seen) > MOST_ENTRIES:
                    raise BundleError(
                        f"holds more than {MOST_ENTRIES} files; it is no bundle", "container"
                    )
        self.sizes = {name: self.sizes[name] for name in sorted(self.sizes)}
        check_names(self.sizes)
        if sum(self.sizes.values()) > MOST_BYTES:
            raise BundleError(f"holds more than {MOST_BYTES} bytes; it is no bundle", "container")

    def chunks(self, name: str) -> Iterator[bytes]:
        """Contents of a file.

        Raises:
            BundleError: if it is shorter than it was, or a link took its place meanwhile.
        """
        try:
            place = os.open(self._folder / name, os.O_RDONLY | _CAREFULLY)
        except OSError as error:
            raise BundleError(f"{name}: cannot be read ({error.strerror})", "container") from error
        with os.fdopen(place, "rb") as stream:
            if not stat.S_ISREG(os.fstat(place).st_mode):
                raise BundleError(f"{name}: is no file any more; read it again", "container")
            yield from _chunks(stream, name, self.sizes[name])


class ZipContainer:
    """Files of a zip.

    Args:
        path: the zip.

    Raises:
        BundleError: if it is of another form, or names cannot lie in one bundle.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file() and path.exists():
            raise BundleError("is a device or pipe and no bundle; take another file", "container")
        with path.open("rb") as stream:
            self._entries = {entry.name: entry for entry in read_zip(stream)}
        self.sizes = {name: entry.size for name, entry in self._entries.items()}

    def chunks(self, name: str) -> Iterator[bytes]:
        """Contents of a file.

        Raises:
            BundleError: at the end, if they have another checksum than the zip says.
        """
        entry, checksum = self._entries[name], 0
        with self._path.open("rb") as stream:
            stream.seek(entry.start)
            for chunk in _chunks(stream, name, entry.size):
                checksum = zlib.crc32(chunk, checksum)
                yield chunk
        if checksum != entry.crc:
            raise BundleError(f"{name}: is damaged; copy the bundle again", "container")


def _chunks(stream: BinaryIO, name: str, left: int) -> Iterator[bytes]:
    """So many bytes from where a stream is.

    Raises:
        BundleError: if it has fewer.
    """
    while left:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            raise BundleError(f"{name}: is shorter than it was; read the bundle again", "container")
        left -= len(chunk)
        yield chunk


def open_container(path: Path) -> Container:
    """The files of a bundle that is a folder or a zip.

    Raises:
        BundleError: if there is nothing, or it cannot be read, or is no bundle.
    """
    try:
        if path.is_dir() and not (path / MANIFEST).is_file():
            raise BundleError(
                f"holds no {MANIFEST} and is no bundle; pack one with `edge-sdk pack`", "listing"
            )
        return FolderContainer(path) if path.is_dir() else ZipContainer(path)
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); check the path",
            "container",
        ) from error
    except BundleError as error:
        raise BundleError(f"{path}: {error}", error.kind) from error


def read_file(container: Container, name: str, most: int) -> bytes:
    """All of a small file.

    Raises:
        BundleError: if it has more than ``most`` bytes.
    """
    if container.sizes[name] > most:
        raise BundleError(
            f"{name}: has {container.sizes[name]} bytes, more than {most}", "container"
        )
    return b"".join(container.chunks(name))


def sha256_of(container: Container, name: str) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    total = hashlib.sha256()
    for chunk in container.chunks(name):
        total.update(chunk)
    return total.hexdigest()
