"""All commands, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_sdk import __version__
from edge_sdk.cli import (
    bench,
    burst,
    conversion,
    demo,
    enhancing,
    evaluate,
    fusing,
    linting,
    model,
    pairs,
    quantizing,
    simulating,
    staging,
    verifying,
)

app = typer.Typer(
    name="edge-sdk",
    help="Train, fuse, convert and check image-enhancement models, and zoom with bursts of frames.",
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
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


app.command(rich_help_panel="Bursts")(burst.zoom)
app.command(rich_help_panel="Bursts")(simulating.simulate)
app.command(rich_help_panel="Bursts")(demo.demo)
app.command(rich_help_panel="Bursts")(pairs.pairs)
app.command(rich_help_panel="Pictures")(enhancing.enhance)
app.command(rich_help_panel="Models")(model.models)
app.command(rich_help_panel="Models")(model.train)
app.command(rich_help_panel="Models")(fusing.fuse)
app.command(rich_help_panel="Models")(linting.lint)
app.command(rich_help_panel="Phones")(quantizing.quantize)
app.command(rich_help_panel="Phones")(conversion.convert)
app.command(rich_help_panel="Phones")(staging.stages)
app.command(rich_help_panel="Phones")(verifying.verify)
app.command(rich_help_panel="Phones")(bench.bench)
app.command(rich_help_panel="Phones")(evaluate.evaluate)
