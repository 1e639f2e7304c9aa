"""A class of phones: how much memory an app may use, what runs, and in which precisions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from edge_sdk.errors import InputError
from edge_sdk.extras import require

PLATFORMS = ("android", "ios", "web")
"""What apps run on."""


@dataclass(frozen=True)
class DeviceProfile:
    """A class of phones.

    Attributes:
        name: its name.
        platform: ``android``, ``ios`` or ``web``.
        memory_mb: what a burst zoom may hold at once, in megabytes, beside the app itself.
        longest_tile_px: longest side of a tile that its processor's delegate takes.
        backends: what executes graphs there, such as ``xnnpack`` and ``litert``.
        precisions: that its backends compute in.
        versions: of systems and runtimes that it has at least, by name, such as ``ios``: ``17.0``.
        source: where the figures come from, for people.

    Example:
        >>> from edge_sdk.devices import find_profile
        >>> find_profile("android-mid").memory_mb
        512
    """

    name: str
    platform: str
    memory_mb: int
    longest_tile_px: int
    backends: tuple[str, ...]
    precisions: tuple[str, ...]
    versions: dict[str, str]
    source: str = ""


_HEAP = (
    "a budget that leaves the camera and the system room, not a measurement: Android's large heap "
    "is 256 to 512 MB by class, native memory goes beyond it"
)
PROFILES = (
    DeviceProfile(
        "android-low",
        "android",
        256,
        320,
        ("litert", "xnnpack"),
        ("fp32", "int8"),
        {"android": "8.0"},
        f"phones of 3 to 4 GB; {_HEAP}",
    ),
    DeviceProfile(
        "android-mid",
        "android",
        512,
        512,
        ("litert", "xnnpack", "vulkan"),
        ("fp32", "fp16", "int8"),
        {"android": "10.0"},
        f"phones of 6 GB; {_HEAP}",
    ),
    DeviceProfile(
        "android-high",
        "android",
        1024,
        1024,
        ("litert", "xnnpack", "vulkan"),
        ("fp32", "fp16", "int8"),
        {"android": "12.0"},
        f"phones of 8 GB and more; {_HEAP}",
    ),
    DeviceProfile(
        "iphone-3gb",
        "ios",
        1024,
        512,
        ("mlprogram", "xnnpack"),
        ("fp32", "fp16", "w8", "palette", "int8"),
        {"ios": "17.0", "coreml": "8"},
        "iPhones of 3 to 4 GB; iOS ends apps of about half of that: a budget, not a measurement",
    ),
    DeviceProfile(
        "iphone-6gb",
        "ios",
        2048,
        1024,
        ("mlprogram", "xnnpack"),
        ("fp32", "fp16", "w8", "palette", "int8"),
        {"ios": "17.0", "coreml": "8"},
        "iPhones of 6 GB and more; iOS ends apps of about half of that: a budget",
    ),
    DeviceProfile(
        "browser",
        "web",
        1024,
        512,
        ("litert",),
        ("fp32", "int8"),
        {},
        "a tab with 32-bit WebAssembly memory, of which half is left to pictures",
    ),
)


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that ship.

    Example:
        >>> from edge_sdk.devices import profile_names
        >>> profile_names()[:2]
        ('android-low', 'android-mid')
    """
    return tuple(profile.name for profile in PROFILES)


def find_profile(name: str | Path) -> DeviceProfile:
    r"""A profile by its name, or from a YAML file of one's own.

    Args:
        name: one of :func:`profile_names`, or a ``.yaml`` file with the attributes of
            :class:`DeviceProfile`.

    Raises:
        InputError: of one line, if there is none, or the file does not fit.
        MissingExtraError: if it is a file and PyYAML is not installed.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.devices import find_profile
        >>> lines = ("name: mine", "platform: android", "memory_mb: 300", "longest_tile_px: 200")
        >>> more = ("backends: [litert]", "precisions: [fp32]", "versions: {}")
        >>> count = Path("mine.yaml").write_text("\n".join((*lines, *more)))
        >>> find_profile("mine.yaml").memory_mb
        300
    """
    for profile in PROFILES:
        if profile.name == str(name):
            return profile
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(
            f"no device profile '{name}'; choose one of: {', '.join(profile_names())}, or give a "
            ".yaml file"
        )
    yaml = require("train", "yaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise InputError(f"{path}: is no YAML ({line})") from error
    return _of(content, path)


def _of(content: Any, path: Path) -> DeviceProfile:
    import json

    from edge_sdk.json_records import from_json

    if not isinstance(content, dict):
        raise InputError(f"{path}: is no profile; give name, platform, memory_mb and the rest")
    known = {field.name for field in fields(DeviceProfile)}
    unknown = sorted(set(map(str, content)) - known)
    if unknown:
        raise InputError(f"{path}: {unknown[0]} is unknown; known are: {', '.join(sorted(known))}")
    try:
        profile = from_json(DeviceProfile, json.dumps(content, default=str))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if profile.platform not in PLATFORMS:
        raise InputError(
            f"{path}: unknown platform '{profile.platform}'; choose one of: {', '.join(PLATFORMS)}"
        )
    if profile.memory_mb < 1 or profile.longest_tile_px < 1:
        raise InputError(f"{path}: memory_mb and longest_tile_px must be 1 or more")
    return profile
