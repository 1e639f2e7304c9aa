"""The stages of one variant of a bundle, as the driver of the SDK knows them."""

from __future__ import annotations

import json
from pathlib import Path

from edge_sdk.bundle.driver_constants import misfit
from edge_sdk.bundle.manifest import BundleManifest, Variant
from edge_sdk.bundle.names import DRIVER, MANIFEST
from edge_sdk.burst.converted.graphs import STAGES
from edge_sdk.burst.converted.manifest import StageManifest, check_stages
from edge_sdk.errors import ArtifactError, BundleError
from edge_sdk.models.spec import burst_channels


def stage_record(manifest: BundleManifest, variant: Variant) -> StageManifest:
    """What is known of the stages of a variant.

    Args:
        manifest: of a bundle for burst zoom.
        variant: one of its variants.

    Raises:
        BundleError: if stages are missing, or do not fit each other.
    """
    picture, burst = manifest.picture, manifest.burst
    graphs = {graph.stage: graph for graph in variant.graphs}
    missing = [stage for stage in STAGES if stage not in graphs]
    if picture is None or burst is None or missing:
        what = f"stage {missing[0]}" if missing else "scale"
        raise BundleError(f"{MANIFEST}: {variant.name} has no {what}; pack the bundle anew")
    shapes = {}
    for stage in STAGES:
        tensor = graphs[stage].input
        shape = as_torch(tensor.shape, tensor.layout)
        if len(shape) != 4:
            raise BundleError(f"{MANIFEST}: {stage} takes no picture; pack the bundle anew")
        shapes[stage] = (shape[0], shape[1], shape[2], shape[3])
    if not 1 <= picture.scale <= 4 or shapes["decode"][1] != burst_channels(picture.scale):
        raise BundleError(f"{MANIFEST}: decode does not enlarge ×{picture.scale}; pack it anew")
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
        check_stages(stages, Path(MANIFEST), "pack the bundle anew")
    except ArtifactError as error:
        raise BundleError(str(error)) from error
    return stages


def as_torch(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """A shape in PyTorch's order of axes."""
    if layout == "NHWC" and len(shape) == 4:
        return (shape[0], shape[3], shape[1], shape[2])
    return shape


def check_driver(text: bytes, record: StageManifest) -> None:
    """Check that ``driver.json`` says of the stages what the manifest says, and its constants.

    Raises:
        BundleError: if it does not.
    """
    try:
        driver = json.loads(text)
        shapes = {stage: tuple(shape) for stage, shape in driver["shapes"].items()}
        told = (driver["scale"], driver["decoded_px"], driver["network_halo_px"], shapes)
        unfit = misfit(driver["constants"])
        is_missing = unfit not in driver["constants"]
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        raise BundleError(f"{DRIVER}: is damaged; pack the bundle anew") from error
    known = (record.scale, record.decoded_px, record.network_halo_px, record.shapes)
    if told != known:
        raise BundleError(f"{DRIVER}: says of the stages what {MANIFEST} does not; pack it anew")
    if unfit:
        what = f"no constant {unfit}" if is_missing else f"a constant {unfit} that no driver takes"
        raise BundleError(f"{DRIVER}: has {what}; pack the bundle anew")
