"""Packing: a model and its stages, converted, measured and bound together."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge_sdk.bundle.burst_vectors import burst_vectors, write_bursts
from edge_sdk.bundle.canonical import is_plain
from edge_sdk.bundle.driver_constants import driver_constants
from edge_sdk.bundle.entries import (
    file_entries,
    picture_entry,
    recognition_entry,
    tensor_entries,
)
from edge_sdk.bundle.golden import GoldenVector, measured, write_golden
from edge_sdk.bundle.graph_files import GraphFile, write_graphs
from edge_sdk.bundle.manifest import (
    FORMAT,
    MAJOR,
    MINOR,
    MODEL,
    BundleManifest,
    BurstEntry,
    GraphEntry,
    Variant,
)
from edge_sdk.bundle.names import BURSTS, CARD, CERTIFICATE, DRIVER, GOLDEN
from edge_sdk.bundle.stage_inputs import stage_groups
from edge_sdk.bundle.targets import Wanted, minimum_versions
from edge_sdk.burst.converted.graphs import StageGraph, StageSizes, stage_graphs
from edge_sdk.burst.driver.stage_set import LEARNED_STD
from edge_sdk.deploy.preparation import INT8, Prepared, prepare
from edge_sdk.emulate.parity.gates import family
from edge_sdk.errors import InputError
from edge_sdk.models.spec import PictureSpec, RecognitionSpec, Task
from edge_sdk.progress import Progress, silent
from edge_sdk.reparam import Certificate
from edge_sdk.targets import Converter, LoweringReport, find_converter, for_soc, soc_of, targets_of
from edge_sdk.zoo.catalogue import model_names, model_path
from edge_sdk.zoo.loading import LoadedModel

GATES_DB = {"fp32": 80, "fp16": 40, "w8": 40, "palette": 25, "int8": 30}
"""Least signal over noise against the vector of the same codes that a device must reach."""


@dataclass(frozen=True)
class PackOptions:
    """What a bundle is to hold.

    Attributes:
        wanted: targets and precisions, the preferred first.
        platform: what it is for; ``any`` for several.
        soc: chip that its graphs are for, and are compiled for by targets that compile for one;
            empty for any, or those targets' usual.
        sizes: how much each stage of burst zoom takes at once.
        license: of the weights.

    Raises:
        InputError: if the chip or the license is beyond ASCII.

    Example:
        >>> from edge_sdk.bundle import PackOptions, Wanted
        >>> PackOptions((Wanted("tflite", "int8"),), "web").license
        'Apache-2.0'
    """

    wanted: tuple[Wanted, ...]
    platform: str = "any"
    soc: str = ""
    sizes: StageSizes = field(default_factory=StageSizes)
    license: str = "Apache-2.0"

    def __post_init__(self) -> None:
        for what, text in (("soc", self.soc), ("license", self.license)):
            if not is_plain(text):
                raise InputError(
                    f"{what} {ascii(text)[:60]} is not plain ASCII; write it without accents, "
                    "quotes and backslashes"
                )


def build(
    loaded: LoadedModel, options: PackOptions, folder: Path, on_progress: Progress | None = None
) -> BundleManifest:
    """Fill an empty folder with all files of a bundle but its manifest.

    Args:
        loaded: the model.
        options: what it is to hold.
        folder: empty.
        on_progress: called when further graphs are done.

    Returns:
        The manifest.

    Raises:
        InputError: if a precision has no codes, or a target has no such precision.
        ConversionError: if a graph cannot be lowered.
        MissingExtraError: if a target's package is not installed.
    """
    maker = _Maker(loaded, options, folder)
    variants = maker.variants(on_progress or silent)
    maker.finish()
    spec = loaded.picture_spec
    return BundleManifest(
        FORMAT,
        MAJOR,
        MINOR,
        _plain(Path(loaded.name).name),
        "" if loaded.spec is None else str(loaded.spec.task),
        options.platform,
        options.license,
        variants,
        tuple(file_entries(folder)),
        None if spec is None else picture_entry(spec),
        maker.burst,
        recognition_entry(loaded.spec) if isinstance(loaded.spec, RecognitionSpec) else None,
    )


Key = tuple[str, str, str]
"""Target, stage and precision of a graph's file."""


class _Maker:
    """Converts each graph once, whatever number of variants it is in."""

    def __init__(self, loaded: LoadedModel, options: PackOptions, folder: Path) -> None:
        self._loaded = loaded
        self._options = options
        self._folder = folder
        self._vectors: dict[str, GoldenVector] = {}
        self._certificate: Certificate | None = None
        spec = loaded.picture_spec
        self._burst = spec if spec is not None and spec.task == Task.BURST_ZOOM else None
        self._shapes: dict[str, tuple[int, ...]] = {}

    @property
    def burst(self) -> BurstEntry | None:
        """What the manifest says of the driver."""
        if self._burst is None:
            return None
        return BurstEntry(self._options.sizes.decoded_px, self._burst.halo_px)

    def variants(self, report: Progress) -> tuple[Variant, ...]:
        """Convert the graphs of all targets and precisions."""
        files: dict[Key, GraphFile] = {}
        taken: list[tuple[Wanted, tuple[float, ...], list[Key]]] = []
        for wanted in self._options.wanted:
            prepared, graphs = self._prepared(wanted.precision)
            self._certificate = prepared.certificate
            chosen = self._files(wanted, graphs)
            for key, file in chosen.items():
                files.setdefault(key, file)
            taken.append((wanted, _noise_levels(prepared, wanted.precision), list(chosen)))
        made = dict(zip(files, write_graphs(tuple(files.values()), report), strict=True))
        entries = {key: self._entry(key, files[key], made[key]) for key in files}
        return tuple(
            Variant(
                wanted.target,
                targets_of(find_converter(wanted.target))[0].backend,
                wanted.precision,
                soc_of(self._converter(wanted.target)) or self._options.soc,
                tuple(round(100 * level) for level in levels),
                minimum_versions(wanted),
                tuple(entries[key] for key in keys),
            )
            for wanted, levels, keys in taken
        )

    def finish(self) -> None:
        """Write what all variants share."""
        (self._folder / GOLDEN).write_bytes(write_golden(self._vectors))
        assert self._certificate is not None
        (self._folder / CERTIFICATE).write_text(_certificate_json(self._certificate))
        if self._loaded.name in model_names():
            card = model_path(self._loaded.name).with_name("card.md")
            (self._folder / CARD).write_bytes(card.read_bytes())
        if self._burst is not None:
            (self._folder / DRIVER).write_text(self._driver_json(self._burst), encoding="utf-8")
            network, _ = self._loaded.fused()
            vectors = burst_vectors(network, self._burst.scale)
            (self._folder / BURSTS).write_bytes(write_bursts(vectors))

    def _prepared(self, precision: str) -> tuple[Prepared, dict[str, StageGraph]]:
        loaded, sizes = self._loaded, self._options.sizes
        if self._burst is None:
            example = loaded.single_example
            prepared = prepare(loaded, example, precision)
            return prepared, {MODEL: StageGraph(prepared.model.eval(), _shape(example))}
        side = sizes.decoded_px + 2 * self._burst.halo_px
        sized = loaded.resized(side, side)
        prepared = prepare(sized, sized.single_example, precision)
        return prepared, stage_graphs(self._burst, prepared.model, sizes)

    def _files(self, wanted: Wanted, graphs: dict[str, StageGraph]) -> dict[Key, GraphFile]:
        """The file of each stage; int8 is for the stages with a network alone."""
        converter, precision = self._converter(wanted.target), wanted.precision
        rest = "fp16" if precision == "fp16" or "fp32" not in converter.precisions else "fp32"
        files = {}
        for stage, graph in graphs.items():
            chosen = precision if stage in (MODEL, "decode") else rest
            path = self._folder / f"{stage}-{converter.name}-{chosen}{converter.suffix}"
            file = GraphFile(converter.name, chosen, graph, path, soc_of(converter) or None)
            files[converter.name, stage, chosen] = file
        return files

    def _converter(self, target: str) -> Converter:
        """The converter of a target, for the bundle's chip where it compiles for one."""
        converter = find_converter(target)
        return for_soc(converter, self._options.soc or None) if soc_of(converter) else converter

    def _entry(self, made: Key, file: GraphFile, report: LoweringReport) -> GraphEntry:
        _, stage, precision = made
        graph = file.graph
        self._shapes[stage] = graph.shape
        kind = family(precision)
        key = f"{stage}-{kind}" if kind in ("int8", "w8") else stage
        if key not in self._vectors:
            groups = stage_groups(stage, graph.shape)
            self._vectors[key] = measured(as_function(graph.module), groups, graph.shape)
        taken, given = tensor_entries(find_converter(file.target), report, file.path)
        return GraphEntry(stage, file.path.name, taken, given, key, GATES_DB[kind])

    def _driver_json(self, spec: PictureSpec) -> str:
        content = {
            "scale": spec.scale,
            "shapes": self._shapes,
            "decoded_px": self._options.sizes.decoded_px,
            "network_halo_px": spec.halo_px,
            "learned_std": LEARNED_STD,
            "constants": driver_constants(),
        }
        return json.dumps(content, indent=1) + "\n"


def as_function(module: nn.Module) -> Any:
    """A module as a function of float32 arrays."""

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            made: NDArray[np.float32] = module(torch.from_numpy(x)).float().numpy()
        return made

    return run


def _noise_levels(prepared: Prepared, precision: str) -> tuple[float, ...]:
    """Noise that int8 codes were calibrated for."""
    scheme = prepared.scheme if precision in INT8 else None
    return () if scheme is None else scheme.noise_levels or ()


def _shape(example: torch.Tensor) -> tuple[int, int, int, int]:
    batch, channels, height, width = example.shape
    return (batch, channels, height, width)


def _plain(name: str) -> str:
    """A name in printable ASCII."""
    return "".join(sign if is_plain(sign) else "_" for sign in name)


def _certificate_json(certificate: Certificate) -> str:
    content = asdict(certificate)
    for key in ("operators_before", "operators_after"):
        content[key] = len(content[key])
    return json.dumps(content, indent=1, default=str) + "\n"
