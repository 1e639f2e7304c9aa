"""What of a bundle a phone would refuse, by its profile, and whether its own self-test passed."""

from __future__ import annotations

from edge_sdk.bundle.manifest import BundleManifest, Variant
from edge_sdk.bundle.reading import Bundle
from edge_sdk.bundle.stage_record import as_torch
from edge_sdk.bundle.verification import BundleCheck
from edge_sdk.devices.estimate import zoom_memory_mb
from edge_sdk.devices.profile import DeviceProfile
from edge_sdk.devices.self_test import SelfTest

PHOTO = (4000, 3000)
"""Width and height of the frames that memory is estimated for."""
FRAMES = 10


def shapes_of(variant: Variant) -> dict[str, tuple[int, ...]]:
    """Shape of the input of each stage, in PyTorch's order of axes."""
    return {
        graph.stage: as_torch(graph.input.shape, graph.input.layout) for graph in variant.graphs
    }


def refusals(
    manifest: BundleManifest,
    variant: Variant,
    profile: DeviceProfile,
    size: tuple[int, int] = PHOTO,
    frames: int = FRAMES,
) -> list[str]:
    """Why a class of phones would refuse a variant, a sentence each; empty where it would not.

    Args:
        manifest: of the bundle.
        variant: one of its variants.
        profile: of the phones.
        size: width and height of a frame.
        frames: how many there are.
    """
    found = []
    if manifest.platform not in ("any", profile.platform):
        found.append(f"the bundle is for {manifest.platform}, the device for {profile.platform}")
    if variant.backend not in profile.backends:
        held = ", ".join(profile.backends)
        found.append(f"the device has no {variant.backend}; it has: {held}")
    if variant.precision.removesuffix("-float-io") not in profile.precisions:
        found.append(f"the device does not compute in {variant.precision}")
    for name, least in variant.minimum.items():
        has = profile.versions.get(name)
        if has is not None and _parts(has) < _parts(least):
            found.append(f"{name} {least} is needed, the device has {has}")
    shapes = shapes_of(variant)
    longest = max(max(shape[2:]) for stage, shape in shapes.items() if stage != "search")
    if longest > profile.longest_tile_px:
        found.append(f"a tile of {longest} px is longer than {profile.longest_tile_px}")
    if manifest.burst is not None and manifest.picture is not None and "encode" in shapes:
        needed = zoom_memory_mb(*size, frames, manifest.picture.scale, shapes)
        if needed > profile.memory_mb:
            found.append(
                f"{frames} frames of {size[0]}×{size[1]} px need about {needed:.0f} MB (estimated "
                f"from sizes), the device gives {profile.memory_mb}"
            )
    return found


def left_to_the_processor(check: BundleCheck, variant: Variant) -> list[str]:
    """Operators of a variant that no delegate took where it ran, a sentence each."""
    return [
        f"{row.stage} leaves {', '.join(dict.fromkeys(row.left))} to the processor"
        for row in check.rows
        if row.variant == variant.name and row.left
    ]


def failed_on_device(bundle: Bundle, found: SelfTest) -> list[str]:
    """What a phone's self-test says against a bundle, a sentence each; empty for nothing."""
    manifest = bundle.manifest
    if found.bundle != bundle.sha256:
        return [f"{found.device} tested another bundle"]
    gates = {
        (variant.name, graph.stage): graph.gate_db
        for variant in manifest.variants
        for graph in variant.graphs
    }
    wrong = [
        f"{found.device}, {each.backend}: {each.stage} as {each.variant} gives {each.snr_db:.1f} "
        f"dB, less than {gates[each.variant, each.stage]}"
        for each in found.results
        if (each.variant, each.stage) in gates and each.snr_db < gates[each.variant, each.stage]
    ]
    unknown = [each for each in found.results if (each.variant, each.stage) not in gates]
    wrong += [f"{found.device}: there is no {each.stage} as {each.variant}" for each in unknown]
    seen = {(each.variant, each.stage) for each in found.results}
    whole = [
        variant.name
        for variant in manifest.variants
        if all((variant.name, graph.stage) in seen for graph in variant.graphs)
    ]
    if not whole:
        wrong.append(f"{found.device} tested no variant as a whole")
    return wrong


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
