"""All commands, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_sdk import __version__
from edge_sdk.cli.commands import (
    bench,
    convert,
    demo,
    enhance,
    evaluate,
    fuse,
    lint,
    models,
    pairs,
    quantize,
    simulate,
    stages,
    train,
    verify,
    zoom,
)

app = typer.Typer(
    name="edge-sdk",
    help="Train, fuse, convert and check image-enhancement models, and zoom with bursts of frames.",
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"edge-sdk {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself; without a command, the help."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


app.command(rich_help_panel="Bursts")(zoom.zoom)
app.command(rich_help_panel="Bursts")(simulate.simulate)
app.command(rich_help_panel="Bursts")(demo.demo)
app.command(rich_help_panel="Bursts")(pairs.pairs)
app.command(rich_help_panel="Pictures")(enhance.enhance)
app.command(rich_help_panel="Models")(models.models)
app.command(rich_help_panel="Models")(train.train)
app.command(rich_help_panel="Models")(fuse.fuse)
app.command(rich_help_panel="Models")(lint.lint)
app.command(rich_help_panel="Phones")(quantize.quantize)
app.command(rich_help_panel="Phones")(convert.convert)
app.command(rich_help_panel="Phones")(stages.stages)
app.command(rich_help_panel="Phones")(verify.verify)
app.command(rich_help_panel="Phones")(bench.bench)
app.command(rich_help_panel="Phones")(evaluate.evaluate)
