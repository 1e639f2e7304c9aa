"""All commands, in the order of the help; each has a module of its name in ``commands``."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_sdk.cli.lazy_commands import ListedCommand, lazy_group

COMMANDS = {
    "zoom": ListedCommand("Bursts", "Turn a burst of frames into one larger, cleaner picture."),
    "bursts": ListedCommand(
        "Bursts", "Find the bursts in a camera's folder, and print how each is zoomed."
    ),
    "simulate": ListedCommand(
        "Bursts", "Take a burst of a photograph with a simulated hand-held camera."
    ),
    "demo": ListedCommand(
        "Bursts",
        "Simulate a hand-held burst of a photograph, zoom it ×2 and compare with the truth.",
    ),
    "pairs": ListedCommand(
        "Bursts", "Make a training set for burst zoom from far and near shots of the same scenes."
    ),
    "enhance": ListedCommand("Pictures", "Enhance single pictures, or a clip, with a model."),
    "score": ListedCommand(
        "Pictures",
        "Score pictures from 0 to 100, and say how likely each is poor, medium and good.",
    ),
    "curate": ListedCommand(
        "Pictures", "Choose the pictures of a collection that are fit to be trained on."
    ),
    "degrade": ListedCommand(
        "Pictures", "Degrade clean pictures into pairs that a network learns restoring from."
    ),
    "models": ListedCommand("Models", "List the shipped models, and where their recipes lie."),
    "train": ListedCommand("Models", "Train a network by a recipe and keep the best weights."),
    "fuse": ListedCommand(
        "Models",
        "Merge every linear part of a model into one convolution and prove that nothing changed.",
    ),
    "lint": ListedCommand(
        "Models",
        "Measure what int8 would keep of every layer, and which branch inflates its range.",
    ),
    "quantize": ListedCommand(
        "Phones", "Choose the int8 codes of a model once; every target then takes the same."
    ),
    "convert": ListedCommand("Phones", "Turn a model into a file that a phone's runtime loads."),
    "stages": ListedCommand(
        "Phones", "Convert the ten stages of burst zoom, which a phone's driver runs, to files."
    ),
    "pack": ListedCommand(
        "Phones",
        "Pack a model and all that an app needs to run it into one bundle, and prove it.",
    ),
    "key": ListedCommand(
        "Phones", "Make a pair of keys to sign bundles with, and to check them by."
    ),
    "inspect": ListedCommand(
        "Phones", "Show what a bundle holds, after its sizes, digests and names are checked."
    ),
    "verify": ListedCommand(
        "Phones",
        "Run converted files in their desktop runtimes and compare them with the PyTorch model.",
    ),
    "bench": ListedCommand(
        "Phones", "Measure time and memory of converted files in their desktop runtimes."
    ),
    "evaluate": ListedCommand(
        "Phones",
        "Score models and converted files on folders of pictures, beside bicubic interpolation.",
    ),
}

app = typer.Typer(
    name="edge-sdk",
    cls=lazy_group("edge_sdk.cli.commands", COMMANDS),
    help="Train, fuse, convert and check image-enhancement models, and zoom with bursts of frames.",
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        from edge_sdk.version import __version__

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
