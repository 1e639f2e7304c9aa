"""What commands share that take a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.burst.converted.running import StageFiles

KEY_HELP = "Public key (PEM) that must have signed the bundle."


def is_bundle(path: str | Path) -> bool:
    """Whether a path is that of a bundle: a ``.zip``, or a folder with a manifest."""
    path = Path(path)
    return (path.suffix == ".zip" and path.is_file()) or (path / "manifest.json").is_file()


def check_bundle_alone(
    bundle: Path | None, key: Path | None, profile: str | None, **others: object
) -> None:
    """Refuse options that a bundle brings itself, and those that are for a bundle alone.

    Raises:
        InputError: naming the option.
    """
    if bundle is None:
        for name, own in (("key", key), ("profile", profile)):
            if own is not None:
                raise InputError(f"--{name} is for a --bundle; leave it out, or name one")
        return
    for name, other in others.items():
        if other is not None:
            shown = name.replace("_", "-")
            raise InputError(f"--bundle brings its own {shown}; leave --{shown} out")


@contextmanager
def stages_of(
    bundle: Path | None,
    key: Path | None,
    runtime: str,
    precision: str | None,
    profile: str | None,
    frames: tuple[int, int, int],
) -> Iterator[StageFiles | None]:
    """The stages of a bundle, opened for as long as the block lasts; ``None`` without one.

    Args:
        bundle: folder or zip.
        key: that must have signed it.
        runtime: that is to run them; ``torch`` for any.
        precision: of the network.
        profile: phone that must have room for it.
        frames: width, height and number of the frames.

    Raises:
        InputError: if a phone of the profile would refuse it.
        BundleError: if it is not whole, or holds no such stages.
    """
    if bundle is None:
        yield None
        return
    from edge_sdk.bundle import open_bundle
    from edge_sdk.bundle.device_limits import refusals
    from edge_sdk.bundle.zooming import choose_variant, open_stages
    from edge_sdk.devices import find_profile

    opened = open_bundle(bundle, key)
    variant = choose_variant(opened.manifest, runtime, precision)
    if profile is not None:
        width, height, count = frames
        device = find_profile(profile)
        against = refusals(opened.manifest, variant, device, (width, height), count)
        if against:
            raise InputError(f"{profile} would refuse {variant.name}: {against[0]}")
    with opened.unpacked() as folder:
        yield open_stages(opened, variant, folder)
