"""What a bundle says of itself: one record, in canonical form, to which all its files are bound."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from edge_sdk.bundle.canonical import canonical, read_canonical
from edge_sdk.bundle.names import MANIFEST, check_names
from edge_sdk.devices.profile import PLATFORMS
from edge_sdk.errors import BundleError, InputError
from edge_sdk.json_records import from_json

FORMAT = "edge-sdk bundle"
MAJOR, MINOR = 1, 1
"""A reader takes any minor version of its major one, and leaves out keys that it does not know."""
MODEL = "model"
"""Stage of a bundle that holds one graph."""
LEAST_GATE_DB, MOST_GATE_DB = 20, 200
"""Gates that a graph may have."""
MOST_ELEMENTS = 1 << 26
"""Elements of the largest tensor."""


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle.

    Attributes:
        name: its name, below the bundle's folder.
        size: bytes.
        sha256: its digest, 64 hexadecimal digits.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class TensorEntry:
    """An input or output of a graph.

    Attributes:
        name: by which the runtime addresses it.
        shape: in ``layout``.
        layout: ``NCHW``, ``NHWC``, or ``NC``.
        dtype: numpy's name of the element type.
        scale: what one step of an integer is worth, as a decimal number; empty for floats.
        zero_point: integer that stands for 0.
    """

    name: str
    shape: tuple[int, ...]
    layout: str
    dtype: str
    scale: str
    zero_point: int


@dataclass(frozen=True)
class GraphEntry:
    """A graph: a file, or a folder that is a package.

    Attributes:
        stage: what it computes: a stage of burst zoom, or ``model``.
        file: its name; all files of a package begin with it.
        input: its one input.
        output: its one output.
        golden: key of its golden vector in ``golden.json``.
        gate_db: least signal-to-noise ratio against that vector, in whole decibels.
    """

    stage: str
    file: str
    input: TensorEntry
    output: TensorEntry
    golden: str
    gate_db: int


@dataclass(frozen=True)
class Variant:
    """One way of computing all there is: a target in a precision.

    Attributes:
        target: converter that wrote the graphs.
        backend: what executes them on a device.
        precision: of the network.
        soc: chip that the graphs are for; empty for any.
        noise_levels: least and greatest noise of a frame, in hundredths of an 8-bit level, that
            int8 ranges were chosen by; empty without such ranges.
        minimum: least version of each system or runtime that runs it, by name.
        graphs: one, or one for each stage.
    """

    target: str
    backend: str
    precision: str
    soc: str
    noise_levels: tuple[int, ...]
    minimum: dict[str, str]
    graphs: tuple[GraphEntry, ...]

    @property
    def name(self) -> str:
        """For people: target, precision, and the chip if it is for one."""
        return " ".join(filter(None, (self.target, self.precision, self.soc)))


@dataclass(frozen=True)
class PictureEntry:
    """What the network makes of pictures; see :class:`~edge_sdk.models.spec.PictureSpec`.

    Attributes:
        color: ``rgb``, or ``y`` for luma in studio swing.
        scale: output size over input size.
        reduction: input size over output size.
        size_multiple: input sides are multiples of this.
        halo_px: margin of a tile that influences its output.
    """

    color: str
    scale: int
    reduction: int
    size_multiple: int
    halo_px: int


@dataclass(frozen=True)
class RecognitionEntry:
    """What the network tells apart; see :class:`~edge_sdk.models.spec.RecognitionSpec`.

    Attributes:
        classes: names, in the order of the scores.
        preview_px: side of the square that it takes.
    """

    classes: tuple[str, ...]
    preview_px: int


@dataclass(frozen=True)
class BurstEntry:
    """What a driver of burst zoom must know beside ``driver.json``.

    Attributes:
        decoded_px: side of what ``decode`` returns without its margin, in pixels of a frame.
        network_halo_px: that margin.
    """

    decoded_px: int
    network_halo_px: int


@dataclass(frozen=True)
class BundleManifest:
    """Contents of ``manifest.json``.

    Attributes:
        format: ``edge-sdk bundle``.
        major: version of what keys mean.
        minor: version of which keys there are.
        name: of the model.
        task: what it does.
        platform: ``android``, ``ios``, ``web``, or ``any``.
        license: of its weights.
        variants: what computes it, the preferred first.
        files: all files beside the manifest and its signature, by name.
        picture: how it takes pictures; ``None`` for a model of others.
        burst: how its burst zoom is driven; ``None`` for a single graph.
        recognition: what classes it tells apart; ``None`` for a model of other tasks.
    """

    format: str
    major: int
    minor: int
    name: str
    task: str
    platform: str
    license: str
    variants: tuple[Variant, ...]
    files: tuple[FileEntry, ...]
    picture: PictureEntry | None = None
    burst: BurstEntry | None = None
    recognition: RecognitionEntry | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)

    def to_bytes(self) -> bytes:
        """Canonical form, the one that is signed."""
        return canonical(_without_none(asdict(self)))


def read_manifest(text: bytes) -> BundleManifest:
    """Read a manifest and check that it is consistent in itself.

    Raises:
        BundleError: of one line, naming the key that is wrong.
    """
    found = read_canonical(text, MANIFEST)
    if found.get("format") != FORMAT:
        raise BundleError(f"{MANIFEST}: is that of no {FORMAT}; take another file", "manifest")
    major = found.get("major")
    if major != MAJOR:
        raise BundleError(
            f"{MANIFEST}: version {ascii(major)[:20]} is not {MAJOR}; update edge-sdk, or pack the "
            "bundle anew",
            "version",
        )
    try:
        manifest = from_json(BundleManifest, text)
    except InputError as error:
        raise BundleError(f"{MANIFEST}: {error}; pack the bundle anew", "manifest") from error
    try:
        _check_files(manifest)
        for variant in manifest.variants:
            _check_variant(manifest, variant)
    except BundleError as error:
        raise BundleError(f"{MANIFEST}: {error}; pack the bundle anew", error.kind) from error
    return manifest


def _check_files(manifest: BundleManifest) -> None:
    names = [entry.name for entry in manifest.files]
    check_names([MANIFEST, *names])
    if names != sorted(names):
        raise BundleError("files: are not in order", "manifest")
    for entry in manifest.files:
        if entry.size < 0 or len(entry.sha256) != 64 or set(entry.sha256) - set("0123456789abcdef"):
            raise BundleError(f"files: {entry.name} has no size or no SHA-256", "manifest")
    names = [variant.name for variant in manifest.variants]
    if len(set(names)) < len(names):
        raise BundleError("variants: two have one name", "manifest")
    if not manifest.variants:
        raise BundleError("variants: there are none", "manifest")
    if manifest.platform not in (*PLATFORMS, "any"):
        raise BundleError(
            f"platform: '{manifest.platform}' is none of {', '.join(PLATFORMS)}, any", "manifest"
        )


def _check_variant(manifest: BundleManifest, variant: Variant) -> None:
    names = {entry.name for entry in manifest.files}
    counts = Counter(graph.stage for graph in variant.graphs)
    if not counts or max(counts.values()) > 1:
        raise BundleError(f"variants: {variant.name} has no graph, or two of one stage", "manifest")
    if manifest.burst is None and set(counts) != {MODEL}:
        raise BundleError(
            f"variants: {variant.name} has stages, and the bundle is of one graph", "manifest"
        )
    if variant.noise_levels and (
        len(variant.noise_levels) != 2
        or not 0 <= variant.noise_levels[0] <= variant.noise_levels[1]
    ):
        raise BundleError(
            f"variants: noise_levels of {variant.name} are not two that increase", "manifest"
        )
    for graph in variant.graphs:
        if not LEAST_GATE_DB <= graph.gate_db <= MOST_GATE_DB:
            raise BundleError(f"variants: {graph.stage} of {variant.name} has no gate", "manifest")
        if graph.file not in names and not any(each.startswith(f"{graph.file}/") for each in names):
            raise BundleError(
                f"variants: {graph.file} of {variant.name} is none of the files", "manifest"
            )
        for tensor in (graph.input, graph.output):
            shape = tensor.shape
            plain = 0 < len(shape) <= 4 and all(0 < side <= MOST_ELEMENTS for side in shape)
            if not plain or math.prod(shape) > MOST_ELEMENTS:
                raise BundleError(
                    f"variants: {graph.file} has a tensor of impossible shape", "manifest"
                )
            if tensor.dtype not in ("float32", "float16", "int8", "uint8"):
                raise BundleError(
                    f"variants: {graph.file} has a tensor of type {tensor.dtype}", "manifest"
                )


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_without_none(entry) for entry in value]
    return value
