"""What the emulated ARM core consists of, and where it lies: a folder of the user's cache."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_sdk.errors import MissingExtraError

CORE = "cortex-a710"
"""QEMU's name of the core: Armv9, with the dot products and 8-bit matrix products of phones."""
READY = "ready"
SET_UP = "python -m edge_sdk.emulate.arm64.setting_up"


@dataclass(frozen=True)
class Arm64Environment:
    """An emulator, the system libraries of Debian for ARM, and the runtimes built for it.

    Attributes:
        folder: where all of it lies.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.emulate.arm64.environment import Arm64Environment
        >>> Arm64Environment(Path("arm64")).emulator.as_posix()
        'arm64/emulator/usr/bin/qemu-aarch64'
    """

    folder: Path

    @property
    def emulator(self) -> Path:
        """QEMU's emulator of one process."""
        return self.folder / "emulator" / "usr" / "bin" / "qemu-aarch64"

    @property
    def root(self) -> Path:
        """Debian's files for ARM: the C library and Python."""
        return self.folder / "root"

    @property
    def python(self) -> Path:
        """Python for ARM."""
        return self.root / "usr" / "bin" / "python3.11"

    @property
    def packages(self) -> Path:
        """LiteRT for ARM, with what it imports."""
        return self.folder / "packages"

    @property
    def executorch(self) -> Path:
        """ExecuTorch for ARM: its headers and shared libraries."""
        return self.folder / "executorch"

    @property
    def executorch_guest(self) -> Path:
        """The program that runs ``.pte`` files there."""
        return self.folder / "executorch_guest"

    def command(self, *program: str | Path) -> list[str]:
        """How a program for ARM is started here."""
        libraries = f"LD_LIBRARY_PATH={self.executorch / 'lib'}"
        emulated = [self.emulator, "-cpu", CORE, "-L", self.root, "-E", libraries, *program]
        return [str(part) for part in emulated]


def arm64_folder() -> Path:
    """Where the environment for the installed versions of the runtimes lies, or will.

    Raises:
        MissingExtraError: if LiteRT or ExecuTorch is not installed.
    """
    from platformdirs import user_cache_path

    versions = []
    for package, extra in (("ai-edge-litert", "tflite"), ("executorch", "executorch")):
        try:
            versions.append(f"{package}-{metadata.version(package)}")
        except metadata.PackageNotFoundError as error:
            raise MissingExtraError(
                f"{package} is not installed, whose files the ARM core runs; install edge-sdk's "
                f"extra {extra}"
            ) from error
    return user_cache_path("edge-sdk") / "arm64" / "-".join(versions)


def find_environment() -> Arm64Environment:
    """The environment that was set up.

    Raises:
        MissingExtraError: if there is none for the installed versions.
    """
    folder = arm64_folder()
    if not (folder / READY).is_file():
        raise MissingExtraError(
            f"no emulated ARM core is set up for {folder.name}; set it up on a Debian or Ubuntu "
            f"machine with: {SET_UP}"
        )
    return Arm64Environment(folder)
