"""Command ``score``: how good pictures are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import note, on_one_line, print_json, print_table, progress_bars
from edge_sdk.cli.shared.stopping import Stopped, stoppable
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.deploy import ScoredPicture


def score(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PICTURE…",
            help="Pictures, or folders of them, which are searched with the folders inside.",
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Shipped model, or .safetensors file, for quality.")
    ] = "quality_classifier",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Score pictures from 0 to 100, and say how likely each is poor, medium and good.

    The score estimates how much of a sharp, clean original is left: blur, shake, noise and JPEG
    blocks take from it, and what a picture shows does not. It is advice of a small network, off by
    several points for most pictures. One that cannot be read or is too small is named, and the rest
    goes on; if none has a score, the command ends with status 1.

    Example: edge-sdk score photos/*.jpg
    """
    from edge_sdk.curation.gathering import gather
    from edge_sdk.deploy import score_files

    if not pictures:
        raise InputError("no pictures given; name files or folders: edge-sdk score PICTURE …")
    found = gather(pictures).pictures
    scored = []
    try:
        with stoppable(), progress_bars() as progress:
            for one in score_files(found, model):
                scored.append(one)
                progress("pictures", len(scored), len(found))
    except Stopped as stop:
        note(f"stopped after {len(scored)} of {len(found)} pictures")
        raise typer.Exit(stop.status) from None
    if as_json:
        print_json({"model": model, "pictures": [_plain(one) for one in scored]})
    else:
        _print(scored)
    if all(one.quality is None for one in scored):
        raise typer.Exit(1)


def _plain(one: ScoredPicture) -> dict[str, object]:
    from edge_sdk.data.quality.grades import CLASSES

    quality = one.quality
    if quality is None:
        return {"path": one.path, "failure": one.failure}
    return {
        "path": one.path,
        "score": quality.score,
        "class": quality.likeliest,
        "probabilities": dict(zip(CLASSES, quality.probabilities, strict=True)),
    }


def _print(scored: list[ScoredPicture]) -> None:
    from edge_sdk.data.quality.grades import CLASSES

    rows = [
        (
            on_one_line(str(one.path)),
            f"{one.quality.score:.0f}",
            one.quality.likeliest,
            *(f"{share:.0%}" for share in one.quality.probabilities),
        )
        for one in scored
        if one.quality is not None
    ]
    if rows:
        print_table("Quality", ("picture", "score", "class", *CLASSES), rows)
    for one in scored:
        if one.failure is not None:
            note(f"left out: {one.failure}")
