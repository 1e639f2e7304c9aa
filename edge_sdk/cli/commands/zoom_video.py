"""Clips through ``zoom``: each frame from those around it."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.burst import ZoomConfig
from edge_sdk.cli.shared.clip_options import check_json_apart, going_on, print_made
from edge_sdk.cli.shared.console import progress_bars
from edge_sdk.video import ClipOptions, zoom_clip
from edge_sdk.video.window_zoom import DEFAULT_WINDOW


def zoom_one_clip(
    clip: Path,
    output: Path,
    window: int | None,
    config: ZoomConfig,
    options: ClipOptions,
    model: str | None,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    """Zoom a clip and say what became of it."""
    check_json_apart(output, as_json)
    with going_on(output), progress_bars() as progress:
        made = zoom_clip(
            str(clip),
            str(output),
            DEFAULT_WINDOW if window is None else window,
            config,
            options,
            model=model,
            resume=resume,
            on_progress=progress,
        )
    print_made(made, as_json)
