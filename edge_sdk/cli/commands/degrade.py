"""Command ``degrade``: clean pictures into pairs for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_sdk.cli.shared.console import note, out, print_json, progress_bars
from edge_sdk.cli.shared.stopping import Stopped, stoppable
from edge_sdk.errors import InputError


def degrade(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PICTURE…",
            help="Clean pictures, or folders of them: JPEG, PNG, BMP, WebP, TIFF, HEIC.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="New folder for the pairs.")
    ] = Path("degraded"),
    recipe: Annotated[
        str,
        typer.Option(
            metavar="FILE|PRESET",
            help="What they are degraded by: document (the document's steps, in its order), "
            "second-order (two rounds in random order, as photographs are damaged), or a recipe "
            "as .yaml or .json.",
        ),
    ] = "document",
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 0,
    crops: Annotated[
        int, typer.Option(help="Crops at random places of each picture; 0 for the whole picture.")
    ] = 0,
    crop: Annotated[
        int | None,
        typer.Option(help="Side of a crop in pixels, 256 or more.", show_default="256"),
    ] = None,
    workers: Annotated[
        int, typer.Option(help="Processes; their number changes nothing in the result.")
    ] = 1,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on in a folder of the same settings."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Degrade clean pictures into pairs that a network learns restoring from.

    Writes clean/ and degraded/ with the same names, records.jsonl (what was drawn for each pair),
    degradation.json (the settings) and sheet.html: look at it before you train. A picture that
    cannot be read or is too small is named, and the others go on; if none makes a pair, the
    command ends with status 1.

    Example: edge-sdk degrade photos -o pairs --crops 4 --seed 1
    """
    from edge_sdk.data.degradation.folder.building import LEAST_CROP_PX, degrade_pictures

    if crop is not None and not crops:
        raise InputError("--crop needs --crops, the number of crops of each picture")
    try:
        with stoppable(), progress_bars() as progress:
            made = degrade_pictures(
                pictures or (),
                output,
                recipe,
                seed=seed,
                crops=crops,
                crop_px=LEAST_CROP_PX if crop is None else crop,
                workers=workers,
                resume=resume,
                on_progress=progress,
            )
    except Stopped as stop:
        note("stopped; finished pairs are whole, go on with --resume")
        raise typer.Exit(stop.status) from None
    if as_json:
        print_json(made)
    else:
        for reason in made.left_out:
            note(f"left out: {reason}")
        for each in made.notes:
            note(each)
        earlier = f", {made.pairs - made.made} of them before" if made.pairs > made.made else ""
        out.print(
            f"{made.pairs} pairs{earlier}, {len(made.left_out)} pictures left out: {made.folder}; "
            f"look at {made.folder / 'sheet.html'}"
        )
    if not made.pairs:
        raise typer.Exit(1)
