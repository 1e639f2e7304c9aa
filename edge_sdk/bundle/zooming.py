"""Burst zoom from a bundle: the stages of one of its variants behind the SDK's own driver."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.bundle.manifest import BundleManifest, Variant
from edge_sdk.bundle.reading import Bundle
from edge_sdk.bundle.stage_record import stage_record
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.emulate.runtimes.names import RUNTIMES, TORCH, runtime_name
from edge_sdk.errors import ArtifactError, BundleError, InputError
from edge_sdk.extras import is_installed
from edge_sdk.targets import find_converter, runs_here


def choose_variant(
    manifest: BundleManifest, runtime: str | None = None, precision: str | None = None
) -> Variant:
    """The first variant that a runtime here runs.

    Args:
        manifest: of the bundle.
        runtime: name of a runtime; ``None`` for any that is installed.
        precision: of the network; ``None`` for any.

    Raises:
        InputError: if the runtime is unknown.
        BundleError: if there is no such variant.
    """
    target = None
    if runtime is not None and runtime != TORCH:
        target = RUNTIMES.find(runtime_name(runtime)).target
    for variant in manifest.variants:
        try:
            converter = find_converter(variant.target)
        except InputError:
            # A target that this installation does not know.
            continue
        fits = target in (None, variant.target) and precision in (None, variant.precision)
        if fits and runs_here(converter) and is_installed(converter.extra):
            return variant
    held = ", ".join(variant.name for variant in manifest.variants)
    asked = " ".join(filter(None, (target, precision))) or "that a runtime here runs"
    raise BundleError(f"{manifest.name} holds no variant {asked}; it holds: {held}")


def open_stages(bundle: Bundle, variant: Variant, folder: Path) -> StageFiles:
    """Open the stages of a variant.

    Args:
        bundle: a bundle for burst zoom.
        variant: one of its variants.
        folder: where it is unpacked.

    Raises:
        InputError: if the bundle is for another task.
        BundleError: if a file does not take what the manifest says.
    """
    manifest = bundle.manifest
    if manifest.burst is None:
        raise InputError(
            f"{bundle.path}: {manifest.name} is for {manifest.task or 'another task'}, not for "
            "burst zoom; pack burst_zoom_x2 or another network for bursts"
        )
    try:
        return StageFiles(stage_record(manifest, variant), folder)
    except ArtifactError as error:
        raise BundleError(f"{bundle.path}: {str(error).replace(f'{folder}/', '')}") from error
