"""Bundles that are whole and run nowhere: what readers are tried on."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edge_sdk.bundle.driver_constants import driver_constants
from edge_sdk.bundle.generator import Group, Layer
from edge_sdk.bundle.golden import GoldenVector, write_golden
from edge_sdk.bundle.manifest import (
    FORMAT,
    MAJOR,
    MINOR,
    MODEL,
    BundleManifest,
    BurstEntry,
    FileEntry,
    GraphEntry,
    PictureEntry,
    TensorEntry,
    Variant,
)
from edge_sdk.bundle.stage_inputs import stage_groups
from edge_sdk.bundle.zip_form import write_zip
from edge_sdk.burst.converted.graphs import channels_of
from edge_sdk.models.spec import burst_channels

Files = dict[str, bytes]
KINDS = {
    "container",
    "name",
    "manifest",
    "version",
    "signature",
    "listing",
    "digest",
    "golden",
    "graph",
}
"""All kinds of refusal that a reader gives."""


def entries(files: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    """What a manifest says of files."""
    return tuple(
        FileEntry(name, len(files[name]), hashlib.sha256(files[name]).hexdigest())
        for name in sorted(files)
    )


def tensor(name: str, shape: tuple[int, ...]) -> TensorEntry:
    return TensorEntry(name, shape, "NCHW", "float32", "", 0)


def small() -> tuple[BundleManifest, Files]:
    """A bundle of one graph: its manifest, and its other files."""
    shape = (1, 1, 4, 4)
    groups = (Group(1, (Layer(3, 2, 0, 65536),)),)
    golden = write_golden({MODEL: GoldenVector(groups, shape, shape, 7, (0.5, 0.25))})
    files = {
        "model-tflite-fp32.tflite": b"not a graph, but a file of a bundle",
        "card.md": b"# A network\n",
        "golden.json": golden,
    }
    graph = GraphEntry(
        MODEL,
        "model-tflite-fp32.tflite",
        tensor("input", shape),
        tensor("output", shape),
        MODEL,
        80,
    )
    variant = Variant("tflite", "litert", "fp32", "", (), {"litert": "2.0"}, (graph,))
    manifest = BundleManifest(
        FORMAT,
        MAJOR,
        MINOR,
        "small",
        "denoising",
        "any",
        "Apache-2.0",
        (variant,),
        entries(files),
        PictureEntry("y", 1, 1, 1, 1),
    )
    return manifest, files


def small_burst() -> tuple[BundleManifest, Files]:
    """A bundle of ten stages that fit each other."""
    manifest, _ = small()
    scale, reach = 2, 1
    sides = {
        "score": (10, 10),
        "smooth": (14, 14),
        "halve": (24, 24),
        "surround": (20, 20),
        "search": (1, 30),
        "expand": (12, 12),
        "align": (2, 64),
        "encode": (20, 20),
        "blend": (12, 12),
    }
    channels = channels_of(scale, reach) | {"decode": burst_channels(scale)}
    sides["decode"] = (10, 10)
    shapes = {stage: (1, channels[stage], *sides[stage]) for stage in sides}
    vectors = {
        stage: GoldenVector(stage_groups(stage, shape), shape, (1, 1), 7, (0.5,))
        for stage, shape in shapes.items()
    }
    files = {f"{stage}.tflite": stage.encode() for stage in shapes}
    files["golden.json"] = write_golden(vectors)
    files["bursts.json"] = b"{}"
    driver = {
        "scale": scale,
        "shapes": shapes,
        "decoded_px": 8,
        "network_halo_px": 1,
        "learned_std": 0.1,
        "constants": driver_constants(),
    }
    files["driver.json"] = json.dumps(driver).encode()
    graphs = tuple(
        GraphEntry(
            stage, f"{stage}.tflite", tensor("input", shape), tensor("out", (1, 1)), stage, 80
        )
        for stage, shape in shapes.items()
    )
    return (
        replace(
            manifest,
            name="small_burst",
            task="burst-zoom",
            variants=(Variant("tflite", "litert", "fp32", "", (), {}, graphs),),
            files=entries(files),
            picture=PictureEntry("rgb", scale, 1, 1, 1),
            burst=BurstEntry(8, 1),
        ),
        files,
    )


def bound(manifest: BundleManifest, files: Mapping[str, bytes]) -> BundleManifest:
    """A manifest with the digests of files as they are."""
    return replace(manifest, files=entries(files))


def zipped(text: bytes, files: Mapping[str, bytes]) -> bytes:
    """A bundle as one zip, with whatever manifest."""
    stream = io.BytesIO()
    write_zip(stream, sorted({**files, "manifest.json": text}.items()))
    return stream.getvalue()


def written(folder: Path, text: bytes, files: Mapping[str, bytes]) -> Path:
    """A bundle as a folder, with whatever manifest."""
    for name, contents in {**files, "manifest.json": text}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents)
    return folder
