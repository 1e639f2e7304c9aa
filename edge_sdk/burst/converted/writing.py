"""Converting the stages of burst zoom: a folder that a driver on any platform runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.burst.converted.graphs import STAGES, StageGraph, StageSizes, stage_graphs
from edge_sdk.burst.converted.manifest import StageManifest, digest, write_manifest
from edge_sdk.deploy.preparation import INT8, Prepared
from edge_sdk.deploy.self_check import self_check
from edge_sdk.errors import ConversionError, InputError, OutputError
from edge_sdk.models.spec import Task
from edge_sdk.progress import Progress, silent
from edge_sdk.targets import (
    Converter,
    LoweringReport,
    check_converts,
    find_converter,
    for_soc,
    soc_of,
)
from edge_sdk.zoo.loading import LoadedModel


def write_stages(
    loaded: LoadedModel,
    prepared: Callable[[int], Prepared],
    target: str,
    precision: str,
    folder: Path,
    on_progress: Progress | None = None,
    sizes: StageSizes | None = None,
    soc: str | None = None,
) -> dict[str, LoweringReport]:
    """Convert the stages of burst zoom and describe them in ``stages.json``.

    ``decode`` for one chip, which a compiler of its vendor makes, is run before it counts, as of
    ``convert``, if the chip's emulator is here.

    Args:
        loaded: the network.
        prepared: the network ready for a converter, for an input of the side that it is given.
        target: name of a converter.
        precision: of ``decode``. The others are in the target's most exact precision, or in fp16
            where that is requested.
        folder: receives the files; those of an earlier call are replaced.
        on_progress: called before each stage, and when all are done.
        sizes: how much each stage takes at once.
        soc: chip to convert for, where the target compiles for one; ``None`` for its usual.

    Returns:
        The report of each stage.

    Raises:
        InputError: if the network is none for burst zoom, the target has no such precision or
            chip, or int8 ranges do not say what noise they are for.
        OutputError: if the folder cannot be written.
        ConversionError: if a stage cannot be lowered, or its file computes something else.
        MissingExtraError: if the target's package is not installed.
    """
    spec = loaded.picture_spec
    if spec is None or spec.task != Task.BURST_ZOOM:
        raise InputError(
            f"{loaded.name} is no network for burst zoom; convert it with `edge-sdk convert`"
        )
    converter = for_soc(find_converter(target), soc)
    check_converts(converter)
    if precision not in converter.precisions:
        raise InputError(
            f"target '{target}' has no precision '{precision}'; choose one of: "
            + ", ".join(converter.precisions)
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    sizes = sizes or StageSizes()
    ready = prepared(sizes.decoded_px + 2 * spec.halo_px)
    levels = ready.scheme.noise_levels if precision in INT8 and ready.scheme else None
    if precision in INT8 and levels is None:
        raise InputError(
            f"the int8 ranges of {loaded.name} do not say the noise of the bursts that they are "
            "for; quantize it again with `edge-sdk quantize`"
        )
    rest = "fp16" if precision == "fp16" or "fp32" not in converter.precisions else "fp32"
    graphs = stage_graphs(spec, ready.model, sizes)
    report = on_progress or silent
    reports: dict[str, LoweringReport] = {}
    files = {stage: f"{stage}{converter.suffix}" for stage in STAGES}
    for done, (stage, graph) in enumerate(graphs.items()):
        report("convert", done, len(graphs))
        chosen = precision if stage == "decode" else rest
        example = torch.rand(graph.shape, generator=torch.Generator().manual_seed(0))
        path = folder / files[stage]
        reports[stage] = converter.convert(graph.module_for(chosen), example, path, chosen)
        # The others are the same graphs for every network, and their emulation takes minutes.
        if stage == "decode" and soc_of(converter) is not None:
            _check(stage, graph, example, path, chosen, converter)
    report("convert", len(graphs), len(graphs))
    manifest = StageManifest(
        Path(loaded.name).name,
        target,
        precision,
        spec.scale,
        {stage: graph.shape for stage, graph in graphs.items()},
        sizes.decoded_px,
        spec.halo_px,
        levels,
        files,
        {stage: digest(folder / name) for stage, name in files.items()},
    )
    write_manifest(manifest, folder)
    return reports


def _check(
    stage: str,
    graph: StageGraph,
    example: Tensor,
    path: Path,
    precision: str,
    converter: Converter,
) -> None:
    """Run a file that a chip's own compiler made, whose arithmetic no other runtime has.

    Raises:
        ConversionError: naming the stage, if it computes something else; the file is removed.
    """
    instead = f"take another target than {converter.name}"
    if precision in INT8 and "fp16" in converter.precisions:
        instead = "take --precision fp16"
    try:
        self_check(graph.module, example, path, precision, converter, instead=instead)
    except ConversionError as error:
        path.unlink(missing_ok=True)
        raise ConversionError(f"stage {stage}: {error}") from error
