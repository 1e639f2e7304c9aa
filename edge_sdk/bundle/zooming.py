"""Burst zoom from a bundle: the stages of one of its variants behind the SDK's own driver."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.bundle.manifest import BundleManifest, Variant
from edge_sdk.bundle.reading import Bundle, as_torch
from edge_sdk.burst.converted.graphs import STAGES
from edge_sdk.burst.converted.manifest import StageManifest, check_stages
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.emulate.runtimes.names import RUNTIMES, TORCH, runtime_name
from edge_sdk.errors import ArtifactError, BundleError, InputError
from edge_sdk.extras import is_installed
from edge_sdk.models.spec import Task
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
        converter = find_converter(variant.target)
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
        BundleError: if stages are missing, or do not fit each other.
    """
    manifest = bundle.manifest
    picture, burst = manifest.picture, manifest.burst
    if picture is None or burst is None or manifest.task != Task.BURST_ZOOM:
        raise InputError(
            f"{bundle.path}: {manifest.name} is for {manifest.task or 'another task'}, not for "
            "burst zoom; pack burst_zoom_x2 or another network for bursts"
        )
    graphs = {graph.stage: graph for graph in variant.graphs}
    missing = [stage for stage in STAGES if stage not in graphs]
    if missing:
        raise BundleError(f"{bundle.path}: {variant.name} has no stage {missing[0]}; pack it anew")
    shapes = {}
    for stage in STAGES:
        tensor = graphs[stage].input
        batch, channels, height, width = as_torch(tensor.shape, tensor.layout)
        shapes[stage] = (batch, channels, height, width)
    low, high = variant.noise_levels or (0, 0)
    stages = StageManifest(
        manifest.name,
        variant.target,
        variant.precision,
        picture.scale,
        shapes,
        burst.decoded_px,
        burst.network_halo_px,
        (low / 100, high / 100) if variant.noise_levels else None,
        {stage: graphs[stage].file for stage in STAGES},
        {},
    )
    try:
        check_stages(stages, bundle.path, "pack the bundle anew")
        return StageFiles(stages, folder)
    except ArtifactError as error:
        raise BundleError(str(error)) from error
