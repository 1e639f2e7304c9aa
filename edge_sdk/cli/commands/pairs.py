"""Command ``pairs``: far and near shots into a training set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import err, out, print_json, print_table, progress_bars
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.pairs import PairSet

_LIMITS = "What a scene must keep to"


def pairs(
    far: Annotated[
        Path | None,
        typer.Argument(
            metavar="FAR_DIR",
            help="Far shots: a folder of pictures per scene, or a picture file for a scene of one "
            "shot.",
        ),
    ] = None,
    near: Annotated[
        Path | None,
        typer.Argument(
            metavar="NEAR_DIR",
            help="Near shots of the same scenes, under the same names; several shots of a scene "
            "are averaged.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="SET",
            help="Folder of the set; new, or an earlier run's, which goes on.",
        ),
    ] = Path("pairs"),
    scale: Annotated[
        int,
        typer.Option(
            help="Target pixels per far pixel, 1 to 4: about how many times closer (or longer in "
            "focal length) the near shots are."
        ),
    ] = 2,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Do finished scenes again, with other settings too."),
    ] = False,
    min_overlap: Annotated[
        float,
        typer.Option(
            help="Share of the near shot that the far one must show.", rich_help_panel=_LIMITS
        ),
    ] = 0.3,
    max_ghosts: Annotated[
        float,
        typer.Option(
            help="Share of the shared view that may be masked because it does not align: things "
            "that moved, parallax.",
            rich_help_panel=_LIMITS,
        ),
    ] = 0.4,
    max_blur: Annotated[
        float,
        typer.Option(
            help="How much blurrier, in far pixels (standard deviation), the far shot may be; the "
            "near shot a quarter of it.",
            rich_help_panel=_LIMITS,
        ),
    ] = 2.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make a training set for burst zoom from far and near shots of the same scenes.

    Per scene: the near shots are aligned and averaged; the sharpest far shot is the reference; the
    near image is laid onto its grid to parts of a pixel, in its colors, with a mask over whatever
    does not align; the other far shots are aligned to the reference. Scenes that make no sample are
    dropped with their reason. SET/sheet.html shows all of it: look at it before you train. A run
    that was stopped goes on where it was. If no scene makes a sample, the command ends with status
    1.

    Example: edge-sdk pairs far near -o set, with far/SCENE/*.png and near/SCENE/*.png
    """
    from edge_sdk.pairs import PairConfig, build_set

    if far is None or near is None:
        raise InputError(
            "no folders of shots given; name them: edge-sdk pairs FAR_DIR NEAR_DIR -o SET"
        )
    config = PairConfig(
        scale=scale, min_overlap=min_overlap, max_ghosts=max_ghosts, max_blur_px=max_blur
    )
    with progress_bars() as progress:
        found = build_set(
            far,
            near,
            output,
            config,
            overwrite=overwrite,
            on_progress=progress,
        )
    if as_json:
        print_json(
            {
                "folder": found.folder,
                "scale": scale,
                "accepted": found.accepted,
                "dropped": len(found.scenes) - found.accepted,
                "finished_before": found.kept,
                "removed": found.removed,
                "scenes": found.scenes,
            }
        )
    else:
        _print(found)
    if not found.accepted:
        raise typer.Exit(1)


def _print(found: PairSet) -> None:
    rows = [_row(scene) for scene in found.scenes]
    columns = ("scene", "frames", "size (px)", "ratio", "far blur (px)", "PSNR (dB)", "counts", "")
    print_table("Scenes", columns, rows)
    for name in found.removed:
        err.print(f"note: scene {name} was removed: its shots are gone")
    dropped = len(found.scenes) - found.accepted
    before = f", {found.kept} of them finished before" if found.kept else ""
    out.print(
        f"{found.accepted} of {len(found.scenes)} scenes became samples, {dropped} dropped"
        f"{before}: {found.folder}; look at {found.folder / 'sheet.html'}"
    )


def _row(scene: dict[str, object]) -> tuple[str, ...]:
    name = str(scene["name"])
    if not scene["accepted"]:
        return (name, "—", "—", "—", "—", "—", "—", f"dropped: {scene['reason']}")
    return (
        name,
        str(scene["frames"]),
        f"{scene['width']}×{scene['height']}",
        f"{scene['zoom_ratio']:.3f}",
        f"{scene['blur_px']:+.1f}",
        "exact" if scene["psnr_db"] is None else f"{scene['psnr_db']:.2f}",
        f"{scene['valid']:.0%}",
        "one frame" if scene["frames"] == 1 else "",
    )
