"""Pictures through a bundle of one graph, in the runtime that a phone would use."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.bundle.manifest import MODEL, Variant
from edge_sdk.bundle.reading import Bundle
from edge_sdk.emulate.whole_pictures import ArtifactMethod
from edge_sdk.errors import ArtifactError, BundleError, InputError
from edge_sdk.models.spec import Color, PictureSpec


def open_method(bundle: Bundle, variant: Variant, folder: Path) -> ArtifactMethod:
    """Open the graph of a variant for whole pictures.

    Args:
        bundle: a bundle whose model takes pictures.
        variant: one of its variants.
        folder: where it is unpacked.

    Raises:
        InputError: if the bundle is for bursts, or its model takes no pictures.
        BundleError: if the graph does not do what the manifest says.
    """
    picture = bundle.manifest.picture
    graphs = {graph.stage: graph for graph in variant.graphs}
    if picture is None or MODEL not in graphs:
        raise InputError(
            f"{bundle.path}: {bundle.manifest.name} is for {bundle.manifest.task or 'another task'}"
            " and takes no single pictures; for bursts there is `edge-sdk zoom --bundle`"
        )
    try:
        spec = PictureSpec(
            bundle.manifest.name,
            bundle.manifest.task,
            picture.scale,
            Color(picture.color),
            picture.size_multiple,
            picture.halo_px,
            picture.reduction,
        )
        return ArtifactMethod(folder / graphs[MODEL].file, spec)
    except (ArtifactError, ValueError) as error:
        text = str(error).replace(f"{folder}/", "")
        raise BundleError(f"{bundle.path}: {text}") from error
