"""The files of a verification for which none were given: made here, by one target or by all."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.deploy.preparation import Prepared
from edge_sdk.emulate.parity.rows import Artifact, ParityRow, missing_row
from edge_sdk.errors import ConversionError, InputError, MissingExtraError
from edge_sdk.exported import Example
from edge_sdk.extras import install_command, is_installed
from edge_sdk.targets import Converter, converter_names, find_converter, runs_here


def check_target(only: Converter | None, precision: str) -> None:
    """Make sure that the one target asked for can be compared at all.

    Raises:
        InputError: if nothing here runs its files, or it has no such precision.
        MissingExtraError: if it is not installed.
    """
    if only is None:
        return
    if not runs_here(only):
        raise InputError(
            f"nothing on this machine runs files of target '{only.name}'; convert to it by "
            "`edge-sdk convert`, or verify another"
        )
    if precision not in only.precisions:
        raise InputError(
            f"target '{only.name}' has no precision '{precision}'; choose one of: "
            + ", ".join(only.precisions)
        )
    if not is_installed(only.extra):
        raise MissingExtraError(
            f"target '{only.name}' is not installed; install it with: "
            + install_command(only.extra)
        )


def convert_all_here(
    prepared: Prepared, example: Example, folder: Path, only: Converter | None
) -> tuple[list[Artifact | ParityRow], tuple[str, ...]]:
    """Convert a model to the one target, or to every installed one whose files run here.

    Args:
        prepared: the model.
        example: its input or inputs.
        folder: where the files go.
        only: the one target; ``None`` for all.

    Returns:
        The files, with a row in place of one that could not be made, and what was left out.

    Raises:
        MissingExtraError: if no target is installed.
    """
    made: list[Artifact | ParityRow] = []
    notes = []
    converters = [find_converter(name) for name in converter_names()] if only is None else [only]
    for converter in converters:
        name = converter.name
        if not runs_here(converter):
            notes.append(f"{name} is left out; nothing on this machine runs its files")
            continue
        if prepared.precision not in converter.precisions:
            notes.append(f"{name} is left out; it has no {prepared.precision}")
            continue
        if not is_installed(converter.extra):
            command = install_command(converter.extra)
            notes.append(f"{name} is left out; install it with: {command}")
            continue
        path = folder / f"{name}{converter.suffix}"
        try:
            converter.convert(prepared.model, example, path, prepared.precision)
        except ConversionError as error:
            made.append(missing_row(path.name, prepared.precision, str(error)))
            continue
        made.append(Artifact(path, prepared.precision))
    if not made:
        raise MissingExtraError(
            f"no target with {prepared.precision} is installed; install one with: "
            + install_command("executorch")
        )
    return made, tuple(notes)
