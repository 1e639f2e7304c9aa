"""Command ``pack``: a model and all that an app needs to run it, as one bundle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import note, out, print_json, print_table, progress_bars
from edge_sdk.cli.shared.model_argument import (
    MODEL_HELP,
    Inputs,
    ModelArguments,
    Weights,
    default_stem,
    load_named,
    parse_size,
)
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.bundle import BundleCheck


def pack(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder, or .zip file, to write [MODEL.zip]."),
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--for", help="android, ios or web; without it, any.")
    ] = None,
    targets: Annotated[
        str | None, typer.Option(help="Targets, joined by commas \\[those of the platform].")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", "-p", help="Precisions, joined by commas, preferred first."),
    ] = None,
    soc: Annotated[
        str, typer.Option(help="Chip that the graphs are for, such as SM8650 \\[any].")
    ] = "",
    size: Annotated[
        str | None,
        typer.Option(help="Input HEIGHTxWIDTH of a single network [128x128, or its own example]."),
    ] = None,
    inputs: Inputs = None,
    arguments: ModelArguments = None,
    weights: Weights = None,
    license_name: Annotated[
        str, typer.Option("--license", help="License of the weights.")
    ] = "Apache-2.0",
    key: Annotated[
        Path | None,
        typer.Option("--sign", help="Private key (ECDSA, P-256, PEM) to sign the bundle with."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was packed as JSON.")] = False,
) -> None:
    """Pack a model and all that an app needs to run it into one bundle, and prove it.

    Every graph is converted, run on its golden vector in the runtimes that are installed, and bound
    by its digest to a manifest. Of a network for bursts all ten stages are packed, with the
    constants of the driver. An app draws the same vectors and so proves its own processor.

    Example: edge-sdk pack burst_zoom_x2 --for android -o zoom.zip
    """
    from edge_sdk.bundle import PackOptions
    from edge_sdk.bundle import pack as run
    from edge_sdk.bundle.targets import usable, wanted_for
    from edge_sdk.deploy.conversion import usual_size
    from edge_sdk.models.spec import Task

    if model is None:
        raise InputError("no model given; name one: edge-sdk pack MODEL --for android")
    if size is not None and inputs:
        raise InputError("--size and --input both give the input's size; give one of them")
    precisions = _list(precision)
    wanted = wanted_for(platform, _list(targets), precisions)
    loaded = load_named(model, inputs, arguments, weights)
    if not inputs and (size is not None or loaded.spec is not None):
        loaded = loaded.resized(*(usual_size(loaded) if size is None else parse_size(size)))
    if not precisions:
        wanted, without = usable(loaded, wanted)
        for each in without:
            note(
                f"{each.target} {each.precision} is left out: {model} has no int8 ranges; add them "
                "by `edge-sdk quantize`"
            )
    path = output or Path(f"{default_stem(model)}.zip")
    spec = loaded.picture_spec
    if size is not None and spec is not None and spec.task == Task.BURST_ZOOM:
        raise InputError(
            "--size is for a single network; stages of a burst have sizes of their own"
        )
    options = PackOptions(wanted, platform or "any", soc, license=license_name)
    with progress_bars() as progress:
        packed = run(loaded, path, options, key, progress)
    if as_json:
        print_json(
            {
                "output": path,
                "bytes": packed.size,
                "signed": key is not None,
                "manifest": packed.manifest,
                "rows": packed.check.rows,
                "bursts": packed.check.bursts,
            }
        )
        return
    print_check(packed.check)
    out.print(f"wrote {path} ({packed.size / 1024:.0f} KiB)")


def print_check(check: BundleCheck) -> None:
    """Print how the graphs of a bundle did on their golden vectors."""
    rows = [
        (
            row.variant,
            row.stage,
            "—" if row.missing else f"{min(row.snr_db, 999):.1f}",
            f"≥ {row.gate_db}",
            "—" if row.missing or math.isnan(row.milliseconds) else f"{row.milliseconds:.1f}",
            "NOT RUN" if row.missing else "passed" if row.passed else "MISSED",
        )
        for row in check.rows
    ]
    columns = ("variant", "stage", "SNR (dB)", "gate", "ms", "")
    print_table("Golden vectors", columns, rows)
    bursts = [
        (
            burst.name,
            burst.variant,
            f"{burst.picture_db:.1f}",
            f"≥ {burst.gate_db}",
            "passed" if burst.passed else burst.differs or "MISSED",
        )
        for burst in check.bursts
    ]
    if bursts:
        print_table("Golden bursts", ("burst", "variant", "SNR (dB)", "gate", ""), bursts)
    for reason in dict.fromkeys(row.missing for row in check.rows if row.missing):
        note(reason)
    for runtime, proves in dict.fromkeys((row.runtime, row.proves) for row in check.rows):
        if runtime:
            out.print(f"{runtime}: agreement proves {proves}", style="dim")


def _list(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
