"""Command ``stages``: the stages of burst zoom as files that a phone's driver runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_sdk.cli.commands.convert import SOC_HELP
from edge_sdk.cli.shared.console import out, print_json, print_table, progress_bars


def stages(
    model: Annotated[
        str, typer.Argument(help="Network for burst zoom: a shipped name or a .safetensors file.")
    ] = "burst_zoom_x2",
    target: Annotated[
        str, typer.Option("--target", "-t", help="executorch, coreml, tflite, snapdragon, …")
    ] = "executorch",
    precision: Annotated[
        str, typer.Option("--precision", "-p", help="Of the network: fp32, fp16 or int8.")
    ] = "fp32",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the files and stages.json.")
    ] = Path("stages"),
    soc: Annotated[str | None, typer.Option(help=SOC_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Convert the ten stages of burst zoom, which a phone's driver runs, to files.

    They score and align frames, merge them and enlarge. Each file has one input and one output of
    fixed size; docs/reference/driver.md says what an app does between them. The network of decode
    is in --precision; the other stages divide and compare, and stay in floating point. Try them
    with `edge-sdk zoom FRAMES --stages FOLDER`.

    Example: edge-sdk stages --target tflite --precision int8 -o stages
    """
    from edge_sdk.burst.converted.by_name import convert_stages

    with progress_bars() as progress:
        reports = convert_stages(model, target, precision, output, progress, soc=soc)
    if as_json:
        print_json({"output": output, "stages": {name: vars(r) for name, r in reports.items()}})
        return
    rows = []
    for name, report in reports.items():
        taken = "—" if report.partitions is None else str(report.partitions)
        shape = "×".join(str(side) for side in report.inputs[0].shape)
        left = ", ".join(report.undelegated) or "none"
        rows.append((name, report.precision, shape, taken, left, f"{report.size_bytes / 1024:.0f}"))
    columns = ("stage", "precision", "input", "partitions", "left to the CPU", "KiB")
    print_table(f"Stages of {model} for {target}", columns, rows)
    out.print(f"wrote {output}")
