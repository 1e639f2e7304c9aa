"""Command ``curate``: which pictures of a collection are fit to be trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import (
    err,
    note,
    on_one_line,
    out,
    print_json,
    print_table,
    progress_bars,
)
from edge_sdk.cli.shared.stopping import Stopped, stoppable
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.curation import CurationConfig, CurationResult

_LIMITS = "What pictures must keep to"
_MOST_NAMED = 8
"""Unreadable files that are named one by one; ``--json`` lists all."""


def curate(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PICTURE…",
            help="Pictures, or folders of them, which are searched with the folders inside.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="LIST.txt|LIST.json|DIR",
            help="A list of the files that are kept, or a new or empty folder for copies of them.",
        ),
    ] = None,
    min_size: Annotated[
        int, typer.Option(help="Least width and height, in pixels.", rich_help_panel=_LIMITS)
    ] = 500,
    max_background: Annotated[
        float,
        typer.Option(
            help="Share of a picture, 0 to 1, that may be transparent or lie in exactly flat areas "
            "at its border; 1 lets everything pass.",
            rich_help_panel=_LIMITS,
        ),
    ] = 0.25,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Least score of quality by quality_classifier, 0 to 100: 60 keeps the class good "
            "alone, 30 medium too. [default: pictures are not scored]",
            show_default=False,
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    max_bits: Annotated[
        int,
        typer.Option(
            help="Near-duplicates: bits, of 64, in which the hashes of two pictures differ at "
            "most, 0 to 32.",
            rich_help_panel=_LIMITS,
        ),
    ] = 6,
    keep_duplicates: Annotated[
        bool,
        typer.Option(
            "--keep-duplicates", help="Keep near-duplicates too.", rich_help_panel=_LIMITS
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(help="Processes that measure; the result does not depend on it.")
    ] = 1,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT|local",
            help="Measure as one job on a cluster of Ray, whose nodes see the same files; local "
            "starts one of --workers processes. The result is the same.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was stopped.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Page with examples of what was left out, and why."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every picture's verdict as JSON.")
    ] = False,
) -> None:
    """Choose the pictures of a collection that are fit to be trained on.

    A picture is left out, for the first of these reasons: it cannot be read; a side is too short;
    too much of it is transparent or an exactly flat background; its quality scores too low, where
    --min-score is given; it shows what a larger one shows.
    No file of the collection is changed or removed. The result is the same for any order of the
    names and any number of processes, or on a cluster. If no picture is kept, the command ends with
    status 1.

    Figures of the pictures that were measured are in OUTPUT.journal.jsonl until the output is
    written, so that a run that was stopped goes on with --resume, with other limits too.

    Example: edge-sdk curate photos -o kept.txt --report curated.html
    """
    from edge_sdk.curation import (
        Background,
        CurationConfig,
        NearDuplicates,
        Size,
        quality_criterion,
    )
    from edge_sdk.curation import curate as run

    if not pictures:
        raise InputError(
            "no pictures given; name files or folders: edge-sdk curate PICTURE … -o LIST.txt"
        )
    if output is None:
        raise InputError("no output given; name a list or a folder: -o LIST.txt")
    duplicates = NearDuplicates(max_bits)
    config = CurationConfig(
        (
            Size(min_size),
            Background(max_background),
            *(() if min_score is None else (quality_criterion(min_score),)),
            *(() if keep_duplicates else (duplicates,)),
        )
    )
    try:
        with stoppable(), progress_bars() as progress:
            result = run(
                pictures,
                output,
                config,
                workers=workers,
                ray=ray,
                resume=resume,
                sheet=report,
                on_progress=progress,
            )
    except Stopped as stop:
        _report_stopped(output)
        raise typer.Exit(stop.status) from None
    if as_json:
        print_json(_plain(result, config))
    else:
        _print(result, report)
    if not result.kept:
        raise typer.Exit(1)


def _report_stopped(output: Path) -> None:
    from edge_sdk.curation.journal import journal_of, saved

    count = saved(journal_of(output))
    if count:
        err.print(f"stopped after {count} measured pictures; go on with --resume")
    else:
        err.print("stopped; nothing saved yet")


def _plain(result: CurationResult, config: CurationConfig) -> dict[str, object]:
    return {
        "output": result.output,
        "settings": config.settings(),
        "pictures": len(result.verdicts),
        "kept": len(result.kept),
        "left_out": result.left_out,
        "measured_before": result.measured_before,
        "verdicts": result.verdicts,
    }


def _print(result: CurationResult, report: Path | None) -> None:
    count = len(result.verdicts)
    counted = {"kept": len(result.kept)}
    counted |= {f"left out: {reason}": number for reason, number in result.left_out.items()}
    rows = [(name, str(number), f"{number / count:.1%}") for name, number in counted.items()]
    print_table("Pictures", ("", "pictures", "share"), rows, emphasize=0)
    unreadable = result.of("unreadable")
    for verdict in unreadable[:_MOST_NAMED]:
        note(f"left out: {verdict.path}: {verdict.detail}")
    if len(unreadable) > _MOST_NAMED:
        note(f"{len(unreadable) - _MOST_NAMED} more cannot be read (--json lists all)")
    if result.measured_before:
        note(f"{result.measured_before} pictures were measured before the run was stopped")
    out.print(on_one_line(f"wrote {result.output}: {len(result.kept)} of {count} pictures"))
    if report is not None:
        out.print(on_one_line(f"wrote {report}"))
