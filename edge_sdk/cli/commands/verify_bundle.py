"""Command ``verify`` on a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edge_sdk.cli.commands.pack import print_check
from edge_sdk.cli.shared.console import err, note, on_one_line, out, print_json
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.bundle import Bundle, BundleCheck


def verify_bundle_file(
    path: Path,
    others: Sequence[Path] | None,
    key: Path | None,
    profile: str | None,
    device: Path | None,
    as_json: bool,
) -> None:
    """Check a bundle, run its graphs on their golden vectors, and hold it against phones.

    Ends with status 1 if a graph misses its gate, no variant fits the profile, or the phone's own
    self-test failed.
    """
    from edge_sdk.bundle import open_bundle, verify_bundle

    if others:
        raise InputError(f"{others[0]}: a bundle is verified alone; leave other files out")
    bundle = open_bundle(path, key)
    check = verify_bundle(bundle)
    refused = _refused(bundle, check, profile)
    failed = _failed(bundle, device)
    fits = profile is None or any(not reasons for reasons in refused.values())
    passed = check.passed and fits and not failed
    if as_json:
        said = {"profile": profile, "refused": refused, "device_failures": failed}
        print_json({"passed": passed, "rows": check.rows, "bursts": check.bursts, **said})
    else:
        print_check(check)
        for name, reasons in refused.items():
            for reason in reasons:
                err.print(f"{profile} would refuse {name}: {reason}")
        for reason in failed:
            err.print(on_one_line(reason))
        if key is None:
            note("digests say that the bundle is whole, not whose it is; --key tells that")
        out.print(f"{path}: {'passed' if passed else 'failed'}")
    if not passed:
        raise typer.Exit(1)


def _refused(bundle: Bundle, check: BundleCheck, profile: str | None) -> dict[str, list[str]]:
    if profile is None:
        return {}
    from edge_sdk.bundle.device_limits import left_to_the_processor, refusals
    from edge_sdk.devices import find_profile

    known, manifest = find_profile(profile), bundle.manifest
    return {
        each.name: [*refusals(manifest, each, known), *left_to_the_processor(check, each)]
        for each in manifest.variants
    }


def _failed(bundle: Bundle, device: Path | None) -> list[str]:
    if device is None:
        return []
    from edge_sdk.bundle.device_limits import failed_on_device
    from edge_sdk.devices.self_test import read_self_test

    return failed_on_device(bundle, read_self_test(device))
