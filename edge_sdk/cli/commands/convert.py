"""Command ``convert``: a model as a file that a phone's runtime loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import out, print_json, print_table
from edge_sdk.cli.shared.model_argument import (
    KEEP_HELP,
    MODEL_HELP,
    Inputs,
    Mean,
    ModelArguments,
    Std,
    Weights,
    default_stem,
    load_named,
    note_merging,
    parse_inputs,
    parse_size,
)
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.targets import LoweringReport

# Rich reads [words] as markup where the first bracket is not escaped.
PRECISION_HELP = (
    "fp32, fp16, int8, and on coreml w8 (8-bit weights) and palette (6-bit weights); int8-float-io "
    "keeps the ends of a tflite file in float32 \\[fp32, or fp16 where a target has no fp32]."
)
TARGET_HELP = (
    "executorch, coreml, tflite, executorch-vulkan, executorch-coreml, or another installed; "
    "executorch-qnn and executorch-mediatek say which SDK of the vendor's they need."
)
CALIBRATION_HELP = "Folder of pictures to choose int8 ranges by \\[those in the model's own file]."
NO_CHECK_HELP = "Write the file without running it against PyTorch; the report says so."


def convert(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help=TARGET_HELP),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write [MODEL + suffix].")
    ] = None,
    precision: Annotated[str | None, typer.Option("--precision", "-p", help=PRECISION_HELP)] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", "-c", help=CALIBRATION_HELP)
    ] = None,
    scheme: Annotated[
        Path | None,
        typer.Option(help="Quantization of a model without a file form, from `quantize`."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Input HEIGHTxWIDTH, fixed in the file [128x128, or the model's own example]."
        ),
    ] = None,
    inputs: Inputs = None,
    arguments: ModelArguments = None,
    weights: Weights = None,
    mean: Mean = None,
    std: Std = None,
    keep_branches: Annotated[bool, typer.Option("--keep-branches", help=KEEP_HELP)] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help=NO_CHECK_HELP)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Turn a model into a file that a phone's runtime loads.

    A model with branches is fused first. Int8 takes its scales from the model's file, from
    --calibration, or from --scheme; every target takes the same. Where its runtime is here, the
    file is run against PyTorch before it is written; one that computes something else is refused,
    with the first module that differs. Compare on pictures by `edge-sdk verify`.

    Example: edge-sdk convert sr_x2_y --target tflite --precision int8 -o sr_x2_y.tflite
    """
    from edge_sdk.deploy.conversion import convert as run
    from edge_sdk.targets import converter_names, find_converter

    if model is None:
        raise InputError("no model given; name one: edge-sdk convert MODEL --target TARGET")
    if target is None:
        raise InputError(
            f"no target given; add --target with one of: {', '.join(converter_names())}"
        )
    if size is not None and inputs:
        raise InputError("--size and --input both give the input's size; give one of them")
    made = run(
        load_named(model, inputs, arguments, weights, mean, std),
        target,
        output or default_stem(model) + find_converter(target).suffix,
        precision,
        example=parse_inputs(inputs),
        size=None if size is None else parse_size(size),
        calibration=calibration,
        scheme=scheme,
        keep_branches=keep_branches,
        check=not no_check,
    )
    note_merging(model, keep_branches)
    if as_json:
        print_json(
            {
                "output": made.path,
                "ranges": made.ranges,
                "check": made.check,
                "notes": made.notes,
                **vars(made.report),
            }
        )
        return
    _print_lowering(made.report, made.ranges)
    for note in made.notes:
        out.print(f"note: {note}")
    out.print(f"checked: {made.check}" if made.check.psnr_db is not None else str(made.check))
    out.print(
        f"wrote {made.path} ({made.report.size_bytes / 1024:.0f} KiB, {made.report.precision})"
    )


def _print_lowering(report: LoweringReport, ranges: str) -> None:
    rows = sorted(report.operators.items(), key=lambda entry: -entry[1])
    print_table("Operators", ("operator", "count"), [(name, str(count)) for name, count in rows])
    if report.partitions is not None:
        left = ", ".join(report.undelegated) or "none"
        out.print(f"delegated partitions: {report.partitions} · left to the CPU: {left}")
    if report.float_operators is not None and report.precision.startswith("int8"):
        out.print(f"operators in float: {report.float_operators}")
    if ranges:
        out.print(f"int8 ranges: {ranges}")
    for note in report.rewrites:
        out.print(f"rewritten exactly: {note}")
    for remark in report.remarks:
        out.print(f"note: {remark}")
    for tensor in (*report.inputs, *report.outputs):
        shape = "×".join(str(side) for side in tensor.shape)
        out.print(f"{tensor.name}: {shape} {tensor.layout} {tensor.dtype}")
