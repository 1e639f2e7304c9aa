"""Clips through ``enhance``."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from edge_sdk.cli.shared.clip_options import check_json_apart, going_on, print_made
from edge_sdk.cli.shared.console import progress_bars
from edge_sdk.cli.shared.model_argument import note_merging
from edge_sdk.models.picture import Chroma
from edge_sdk.video import ClipOptions, enhance_clip


def enhance_one_clip(
    clip: Path,
    output: Path,
    model: str,
    runtime: str,
    options: ClipOptions,
    chroma: str | None,
    *,
    resume: bool,
    keep_branches: bool,
    as_json: bool,
) -> None:
    """Enhance a clip and say what became of it."""
    check_json_apart(output, as_json)
    with going_on(output), progress_bars() as progress:
        made = enhance_clip(
            str(clip),
            str(output),
            model,
            runtime,
            options,
            chroma=cast(Chroma, chroma or "bicubic"),
            resume=resume,
            keep_branches=keep_branches,
            on_progress=progress,
        )
    note_merging(model, keep_branches)
    print_made(made, as_json)
