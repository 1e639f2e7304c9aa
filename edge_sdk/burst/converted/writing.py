"""Converting the stages of burst zoom: a folder that a driver on any platform runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from edge_sdk.burst.converted.manifest import STAGES, StageManifest, digest, write_manifest
from edge_sdk.burst.converted.packed import (
    ENCODE_CHANNELS,
    PackedBlend,
    PackedEncode,
    blend_channels,
)
from edge_sdk.burst.stages.blend import HALO_PX as BLEND_HALO_PX
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import HALO_PX as ENCODE_HALO_PX
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.deploy.preparation import INT8, Prepared
from edge_sdk.errors import InputError, OutputError
from edge_sdk.models.spec import Task
from edge_sdk.progress import Progress, silent
from edge_sdk.targets import Converter, LoweringReport, find_converter
from edge_sdk.zoo.loading import LoadedModel

TILE_PX = 150
"""Side of what ``encode`` returns."""
DECODED_PX = 128
"""Side of what ``decode`` returns without its margin, in pixels of a frame."""


def write_stages(
    loaded: LoadedModel,
    prepared: Callable[[int], Prepared],
    target: str,
    precision: str,
    folder: Path,
    on_progress: Progress | None = None,
) -> dict[str, LoweringReport]:
    """Convert ``encode``, ``blend`` and ``decode`` and describe them in ``stages.json``.

    Args:
        loaded: the network.
        prepared: the network ready for a converter, for an input of the side that it is given.
        target: name of a converter.
        precision: of ``decode``. The others are in the target's most exact precision, or in fp16
            where that is requested.
        folder: receives the files; those of an earlier call are replaced.
        on_progress: called before each stage, and when all are done.

    Returns:
        The report of each stage.

    Raises:
        InputError: if the network is none for burst zoom, the target has no such precision, or
            int8 ranges do not say what noise they are for.
        OutputError: if the folder cannot be written.
        ConversionError: if a stage cannot be lowered.
        MissingExtraError: if the target's package is not installed.
    """
    spec = loaded.picture_spec
    if spec is None or spec.task != Task.BURST_ZOOM:
        raise InputError(
            f"{loaded.name} is no network for burst zoom; convert it with `edge-sdk convert`"
        )
    converter = find_converter(target)
    if precision not in converter.precisions:
        raise InputError(
            f"target '{target}' has no precision '{precision}'; choose one of: "
            + ", ".join(converter.precisions)
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({error.strerror})") from error
    encode_px, decode_px = TILE_PX + 2 * ENCODE_HALO_PX, DECODED_PX + 2 * spec.halo_px
    blend_px = decode_px + 2 * BLEND_HALO_PX
    ready = prepared(decode_px)
    levels = ready.scheme.noise_levels if precision in INT8 and ready.scheme else None
    if precision in INT8 and levels is None:
        raise InputError(
            f"the int8 ranges of {loaded.name} do not say the noise of the bursts that they are "
            "for; quantize it again with `edge-sdk quantize`"
        )
    rest = "fp16" if precision == "fp16" or "fp32" not in converter.precisions else "fp32"
    work: dict[str, tuple[nn.Module, int, int, str]] = {
        "encode": (PackedEncode(Encode(spec.scale)), ENCODE_CHANNELS, encode_px, rest),
        "blend": (PackedBlend(Blend(spec.scale)), blend_channels(spec.scale), blend_px, rest),
        "decode": (ready.model, spec.input_channels, decode_px, precision),
    }
    report = on_progress or silent
    reports: dict[str, LoweringReport] = {}
    files = {stage: f"{stage}{converter.suffix}" for stage in STAGES}
    for done, (stage, (module, channels, side, chosen)) in enumerate(work.items()):
        report("convert", done, len(work))
        reports[stage] = _converted(
            converter, module, channels, side, folder / files[stage], chosen
        )
    report("convert", len(work), len(work))
    digests = {stage: digest(folder / name) for stage, name in files.items()}
    manifest = StageManifest(
        Path(loaded.name).name,
        target,
        precision,
        spec.scale,
        encode_px,
        blend_px,
        decode_px,
        DECODED_PX,
        spec.halo_px,
        levels,
        files,
        digests,
    )
    write_manifest(manifest, folder)
    return reports


def _converted(
    converter: Converter, module: nn.Module, channels: int, side: int, path: Path, precision: str
) -> LoweringReport:
    example = torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(0))
    return converter.convert(module.eval(), example, path, precision)
