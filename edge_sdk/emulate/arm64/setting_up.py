"""Set up the emulated ARM core, without root: Debian's packages are fetched and unpacked.

    python -m edge_sdk.emulate.arm64.setting_up

QEMU is taken from Debian 13, since that of Debian 12 computes products of 8-bit matrices wrongly;
everything that runs on the core, and the compiler for its one program, from Debian 12, whose C
library older systems have too. All versions are those that Debian has now, and signed by it; the
runtimes are of the versions that are installed here, from the index that pip is set to and trusted
as what pip installs is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from edge_sdk.emulate.arm64.environment import READY, Arm64Environment, arm64_folder
from edge_sdk.errors import EdgeSdkError, MissingExtraError, first_line

MIRROR = "http://deb.debian.org/debian"
"""Debian's own; ``DEBIAN_MIRROR`` names another. What it gives is checked by Debian's keys."""
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
EMULATOR = ("trixie", "amd64", ("qemu-user",))
SYSTEM = ("bookworm", "arm64", ("python3", "libgomp1", "libstdc++6"))
COMPILER = ("bookworm", "amd64", ("g++-aarch64-linux-gnu",))
"""Suite, architecture and names of Debian's packages; what they need comes with them."""
WHEELS = ("ai-edge-litert", "numpy", "flatbuffers", "protobuf", "typing_extensions")
"""What LiteRT imports there, in the versions of this machine."""
SIGNED = tuple(
    f"--option={name}=false"
    for name in (
        "APT::Get::AllowUnauthenticated",
        "Acquire::AllowInsecureRepositories",
        "Acquire::AllowDowngradeToInsecureRepositories",
    )
)
"""Whatever this machine's own settings say."""
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
CPUINFO = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd aes pmull sha1 sha2 crc32 atomics fphp asimdhp asimdrdm asimddp i8mm bf16
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd47
CPU revision\t: 0

"""
"""What Linux says of such a core; without it XNNPACK reads that of this machine, and crashes."""


def set_up() -> Arm64Environment:
    """Fetch, unpack and build everything; about a minute, 150 MB to fetch.

    Returns:
        The environment; the one that is there already, if it is whole.

    Raises:
        MissingExtraError: if a program that is needed is not here, or something cannot be fetched.
    """
    final = arm64_folder()
    if (final / READY).is_file():
        return Arm64Environment(final)
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise MissingExtraError("the ARM core is emulated on Linux for x86-64 alone; use one")
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise MissingExtraError(
                f"{program} is missing; set it up on a Debian or Ubuntu machine"
            )
    if not KEYS.is_file():
        raise MissingExtraError(f"{KEYS} is missing; install debian-archive-keyring")
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent) as name:
        made = Arm64Environment(Path(name) / "arm64")
        made.folder.mkdir()
        _say("emulator")
        _unpack(EMULATOR, made.emulator.parents[2], only="./usr/bin/qemu-aarch64")
        _say("system")
        _unpack(SYSTEM, made.root)
        (made.root / "proc").mkdir()
        (made.root / "proc" / "cpuinfo").write_text(CPUINFO)
        _say("runtimes")
        _take_wheels(WHEELS, made.packages)
        _take_wheels(("executorch",), made.folder, only=("executorch/include/", "executorch/lib/"))
        _say("compiler")
        _build_guest(made, Path(name) / "compiler")
        (made.folder / READY).touch()
        if (final / READY).is_file():
            # Somebody else was quicker, and may use it already.
            return Arm64Environment(final)
        shutil.rmtree(final, ignore_errors=True)
        made.folder.rename(final)
    _say("done")
    return Arm64Environment(final)


def _say(step: str) -> None:
    print(f"ARM core: {step}", file=sys.stderr, flush=True)  # noqa: T201


def _unpack(
    source: tuple[str, str, tuple[str, ...]], folder: Path, only: str | None = None
) -> None:
    """Fetch packages of Debian with what they need, and unpack them into a folder."""
    suite, architecture, packages = source
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        apt = Path(name)
        for part in ("lists/partial", "cache/archives/partial", "state"):
            (apt / part).mkdir(parents=True)
        (apt / "status").touch()
        mirror = os.environ.get("DEBIAN_MIRROR", MIRROR)
        (apt / "sources.list").write_text(f"deb [signed-by={KEYS}] {mirror} {suite} main\n")
        (apt / "apt.conf").write_text(_configuration(apt, architecture))
        variables = {**os.environ, "APT_CONFIG": str(apt / "apt.conf")}
        _run(["apt-get", *SIGNED, "update", "-qq"], variables)
        command = ["apt-get", *SIGNED, "install", "-qq", "--yes", "--download-only"]
        _run([*command, *packages], variables)
        for package in sorted((apt / "cache" / "archives").glob("*.deb")):
            if only is None:
                _run(["dpkg-deb", "--extract", str(package), str(folder)])
                continue
            tar = _run(["dpkg-deb", "--fsys-tarfile", str(package)])
            _run(["tar", "--extract", "--directory", str(folder), only], given=tar)


def _configuration(apt: Path, architecture: str) -> str:
    """Of an apt that knows no package of this machine, and may be run by anyone."""
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
        "Dir::State": apt / "state",
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
    }
    return "".join(f'{name} "{value}";\n' for name, value in settings.items())


def _take_wheels(names: Sequence[str], folder: Path, only: tuple[str, ...] | None = None) -> None:
    """Fetch the ARM builds of packages that are installed here, and unpack them."""
    wanted = [f"{name}=={metadata.version(name)}" for name in names]
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", place]
        command += ["--python-version", "3.11"]
        for platform in PLATFORMS:
            command += ["--platform", platform]
        _run([*command, *wanted])
        for wheel in sorted(Path(place).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                members = archive.namelist()
                archive.extractall(
                    folder, members if only is None else [m for m in members if m.startswith(only)]
                )


def _build_guest(made: Arm64Environment, tools: Path) -> None:
    """Compile the program that runs ``.pte`` files; the compiler is not kept."""
    _unpack(COMPILER, tools)
    binaries, target = tools / "usr" / "bin", tools / "usr" / "aarch64-linux-gnu"
    (compiler,) = binaries.glob("aarch64-linux-gnu-g++-*")
    standard = target / "include" / "c++" / compiler.name.rpartition("-")[2]
    included = made.executorch / "include"
    command = [str(compiler), f"-B{binaries}/aarch64-linux-gnu-", f"-B{target / 'lib'}/"]
    command += ["-std=c++17", "-O1", "-w", "-DC10_USING_CUSTOM_GENERATED_MACROS"]
    for folder in (standard, standard / "aarch64-linux-gnu", target / "include"):
        command += ["-isystem", str(folder)]
    c10 = included / "executorch" / "runtime" / "core" / "portable_type" / "c10"
    command += [f"-I{included}", f"-I{c10}"]
    command += [str(Path(__file__).with_name("executorch_guest.cpp"))]
    command += ["-o", str(made.executorch_guest)]
    command += [f"-L{target / 'lib'}", f"-L{made.executorch / 'lib'}", f"-Wl,--sysroot={tools}"]
    command += ["-Wl,--allow-shlib-undefined", "-Wl,--no-as-needed"]
    parts = ("", "_backend_xnnpack", "_kernels_optimized", "_kernels_quantized", "_threadpool")
    command += [f"-lexecutorch{part}" for part in parts]
    libraries = tools / "usr" / "lib" / "x86_64-linux-gnu"
    _run(command, {**os.environ, "LD_LIBRARY_PATH": str(libraries)})


def _run(
    command: Sequence[str], variables: dict[str, str] | None = None, given: bytes = b""
) -> bytes:
    """What a program prints.

    Raises:
        MissingExtraError: with its first error, if it fails.
    """
    result = subprocess.run(  # noqa: S603 - apt, dpkg, pip and the compiler, by fixed arguments
        command, env=variables, input=given, capture_output=True, check=False
    )
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        errors = [line for line in lines if "error" in line.lower() or line.startswith("E:")]
        why = first_line(RuntimeError((errors or lines or ["it says nothing"])[0]))
        name = Path(command[0]).name
        raise MissingExtraError(
            f"{name} fails while the ARM core is set up ({why}); see that this machine reaches "
            "Debian and PyPI, and try again"
        )
    return result.stdout


if __name__ == "__main__":
    try:
        set_up()
    except EdgeSdkError as error:
        raise SystemExit(f"error: {error}") from error
