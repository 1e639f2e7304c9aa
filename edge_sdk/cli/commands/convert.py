"""Command ``convert``: a model as a file that a phone's runtime loads."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import (
    err,
    format_db,
    out,
    print_json,
    print_table,
    progress_bars,
)
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
    parse_sizes,
)
from edge_sdk.errors import InputError
from edge_sdk.size_range import Size, SizeRange

if TYPE_CHECKING:
    from edge_sdk.deploy.all_targets import AllTargets, TargetFile
    from edge_sdk.deploy.conversion import ConvertedModel
    from edge_sdk.targets import LoweringReport

# Rich reads [words] as markup where the first bracket is not escaped.
PRECISION_HELP = (
    "fp32, fp16, int8, and on coreml w8 (8-bit weights) and palette (6-bit weights); int8-float-io "
    "keeps the ends of a tflite file in float32 \\[fp32, or fp16 where a target has no fp32]."
)
TARGET_HELP = (
    "executorch, coreml, tflite, snapdragon, executorch-vulkan, executorch-coreml, or another "
    "installed; executorch-qnn and executorch-mediatek say what they lack."
)
SOC_HELP = "Chip that a file of target snapdragon is compiled for \\[SM8650]."
CALIBRATION_HELP = (
    "Folder of pictures, or .npy, .npz or .safetensors of inputs, to choose int8 ranges by "
    "\\[those in the model's own file]."
)
NO_CHECK_HELP = "Write the file without running it against PyTorch; the report says so."


def convert(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help=TARGET_HELP),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write [MODEL + suffix]; the folder of --all."),
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
            help="Input HEIGHTxWIDTH, fixed in the file \\[128x128, or the model's own example]; a "
            "range, 32x32..512x512, where the target takes one (executorch, coreml); a list, "
            "64x64,128x96, for a file of each."
        ),
    ] = None,
    inputs: Inputs = None,
    arguments: ModelArguments = None,
    weights: Weights = None,
    mean: Mean = None,
    std: Std = None,
    keep_branches: Annotated[bool, typer.Option("--keep-branches", help=KEEP_HELP)] = False,
    all_targets: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Every target and precision that fits, into the folder -o, with a page of them.",
        ),
    ] = False,
    soc: Annotated[str | None, typer.Option(help=SOC_HELP)] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help=NO_CHECK_HELP)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Turn a model into a file that a phone's runtime loads.

    A model with branches is fused first. Int8 takes its scales from the model's file, from
    --calibration, or from --scheme; every target takes the same. Where its runtime is here, the
    file is run against PyTorch before it is written; one that computes something else is refused,
    with the first module that differs. Compare on pictures by `edge-sdk verify`. With --all, every
    installed target is tried in all its precisions, and one table tells what each file keeps,
    weighs, leaves to the CPU and takes here. With several sizes, each has a file of its own, by
    its size; a range is kept in one file, which is checked at its extremes and between.

    Example: edge-sdk convert sr_x2_y --target tflite --precision int8 -o sr_x2_y.tflite
    """
    from dataclasses import replace

    from edge_sdk.deploy.all_targets import convert_all
    from edge_sdk.deploy.conversion import convert as run
    from edge_sdk.deploy.preparation import INT8
    from edge_sdk.targets import converter_names, find_converter, soc_of

    if model is None:
        raise InputError("no model given; name one: edge-sdk convert MODEL --target TARGET")
    if all_targets and precision is not None and precision not in ("int8", "int8-float-io"):
        for name, value in (("calibration", calibration), ("scheme", scheme), ("mean", mean)):
            if value is not None:
                raise InputError(f"--{name} is for int8; leave it out with --precision {precision}")
    if all_targets and target is not None:
        raise InputError("--all takes every target; leave --target out")
    if target is None and not all_targets:
        raise InputError(
            f"no target given; add --target with one of: {', '.join(converter_names())}"
        )
    sizes = parse_sizes(size)
    if inputs and len(sizes) == 1 and isinstance(sizes[0], tuple):
        raise InputError("--size and --input both give the input's size; give one of them")
    for given in (calibration, scheme):
        if given is not None and not given.exists():
            raise InputError(f"{given}: no such file or folder; check the path")
    loaded = load_named(model, inputs, arguments, weights, mean, std)

    if len(sizes) > 1 and (all_targets or as_json):
        raise InputError("several sizes make several files; give one size with --all and --json")

    def converted(
        to: str, path: Path, chosen: str | None, of: Size | SizeRange | None = sizes[0]
    ) -> ConvertedModel:
        example = parse_inputs(inputs)
        if example is not None and isinstance(of, tuple):
            # Of a list with --input, which tells the channels.
            if len(example) != 1 or len(example[0]) != 4:
                raise InputError("a list of sizes is for a model of one picture, 1xCxHxW")
            example, of = [(*example[0][:2], *of)], None
        # Of all targets, those in int8 alone take what ranges are chosen by.
        ranged = chosen in INT8 or not all_targets
        return run(
            loaded if ranged else replace(loaded, normalization=None),
            to,
            path,
            chosen,
            example=example,
            size=of,
            calibration=calibration if ranged else None,
            scheme=scheme if ranged else None,
            keep_branches=keep_branches,
            check=not no_check,
            soc=soc if not all_targets or soc_of(find_converter(to)) else None,
        )

    if target is None:
        with progress_bars() as progress:
            found = convert_all(
                model,
                output or Path(default_stem(model)),
                default_stem(model),
                converted,
                None if precision is None else [precision],
                progress,
            )
        note_merging(model, keep_branches)
        _show_all(found, as_json)
        return
    path = output or Path(default_stem(model) + find_converter(target).suffix)
    note_merging(model, keep_branches)
    if len(sizes) > 1:
        for each in sizes:
            own = path.with_name(f"{path.stem}-{_file_size(each)}{path.suffix}")
            _print_made(converted(target, own, precision, each))
        return
    made = converted(target, path, precision)
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
    _print_made(made)


def _file_size(size: Size | SizeRange | None) -> str:
    """A size as it stands in the name of a file."""
    return str(size) if isinstance(size, SizeRange) else "x".join(map(str, size or ()))


def _print_made(made: ConvertedModel) -> None:
    _print_lowering(made.report, made.ranges)
    for note in made.notes:
        out.print(f"note: {note}")
    out.print(f"checked: {made.check}" if made.check.psnr_db is not None else str(made.check))
    out.print(
        f"wrote {made.path} ({made.report.size_bytes / 1024:.0f} KiB, {made.report.precision})"
    )


def _show_all(found: AllTargets, as_json: bool) -> None:
    """Print a table of all files, and write the page of it beside them.

    Raises:
        ConversionError: if there is no file at all.
    """
    from edge_sdk.errors import ConversionError
    from edge_sdk.report import write_report

    page = found.folder / "index.html"
    write_report("all-targets", found, page)
    if as_json:
        print_json({"folder": found.folder, "files": found.files, "report": page})
    else:
        columns = ("file", "PSNR (dB)", "size", "partitions", "left to the CPU", "ms here")
        rows = [_file_row(file) for file in found.made]
        print_table(f"{found.model} in all targets", columns, rows, whole=(0,))
        _print_refused(found)
        out.print(f"wrote {len(found.made)} files and {page}")
    if not found.made:
        raise ConversionError(f"{found.model}: no target took it; {found.files[0].why}")


def _file_row(file: TargetFile) -> tuple[str, ...]:
    assert file.path is not None
    assert file.report is not None
    parts = file.report.partitions
    left = ", ".join(dict.fromkeys(file.report.undelegated)) or "none"
    return (
        file.path.name,
        "not run" if math.isnan(file.psnr_db) else format_db(file.psnr_db),
        f"{file.report.size_bytes / 1024:.0f} KiB",
        "—" if parts is None else str(parts),
        "—" if parts is None else left,
        "—" if math.isnan(file.median_s) else f"{1000 * file.median_s:.2f}",
    )


def _print_refused(found: AllTargets) -> None:
    """Say why files were not made, those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for file in found.files:
        if not file.is_made:
            reasons.setdefault(file.why, []).append(f"{file.target} {file.precision}")
    for why, names in reasons.items():
        err.print(f"not made: {', '.join(names)}: {why}", soft_wrap=True)


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
        sides = zip(tensor.least or tensor.shape, tensor.shape, strict=True)
        shape = "×".join(str(a) if a == b else f"{a}..{b}" for a, b in sides)
        out.print(f"{tensor.name}: {shape} {tensor.layout} {tensor.dtype}")
