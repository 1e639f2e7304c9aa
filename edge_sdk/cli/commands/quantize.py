"""Command ``quantize``: int8 ranges by pictures, fine-tuning and mixed precision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from edge_sdk.cli.shared.console import format_db, out, print_json, print_table, progress_bars
from edge_sdk.cli.shared.model_argument import (
    MODEL_HELP,
    Inputs,
    Mean,
    ModelArguments,
    Std,
    Weights,
    default_stem,
    load_named,
    note_merging,
    parse_size,
)
from edge_sdk.errors import InputError, OutputError

if TYPE_CHECKING:
    from edge_sdk.quantization.layer_report import LayerError

CALIBRATION_HELP = (
    "Folder of pictures like those the model will see, or .npy, .npz or .safetensors of inputs; "
    "chooses the int8 ranges."
)
OBSERVER_HELP = "How ranges are chosen: min-max, percentile (1e-4 at each end) or mse."


def quantize(
    model: Annotated[str | None, typer.Argument(help=MODEL_HELP)] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", "-c", help=CALIBRATION_HELP)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write [MODEL.int8.safetensors or .json]."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Crops of HEIGHTxWIDTH [64x64, or the model's example].")
    ] = None,
    observer: Annotated[str, typer.Option(help=OBSERVER_HELP)] = "mse",
    samples: Annotated[int, typer.Option(help="Number of crops to calibrate with.")] = 128,
    resize_factor: Annotated[
        float, typer.Option(help="Reduce pictures by this factor first, such as 0.5.")
    ] = 1.0,
    rounding: Annotated[
        str | None,
        typer.Option(
            help="How weights are rounded to their codes: gptq (so that outputs change least, by "
            "the pictures) or nearest. [default: gptq; nearest where a .json is written, which "
            "keeps no weights]",
            show_default=False,
        ),
    ] = None,
    tune: Annotated[
        int, typer.Option(metavar="STEPS", help="Fine-tune the weights for int8, such as 2000.")
    ] = 0,
    budget_db: Annotated[
        float | None,
        typer.Option(help="Leave the most expensive layers in float until this PSNR is met."),
    ] = None,
    truth: Annotated[
        bool,
        typer.Option(
            "--truth",
            help="The pictures are what a model for super-resolution or denoising should return: "
            "measure against them too; the former gets them reduced by its scale.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    inputs: Inputs = None,
    arguments: ModelArguments = None,
    weights: Weights = None,
    mean: Mean = None,
    std: Std = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Choose the int8 codes of a model once; every target then takes the same.

    Fuses the model, runs it on pictures and gives every tensor a scale and a zero point. A quarter
    of the pictures is held out: the figures are theirs. A shipped model, or one of a .safetensors
    file, becomes a .safetensors file that `convert --precision int8` takes; of any other model a
    .json file is written, for `convert MODEL --scheme FILE`.

    Example: edge-sdk quantize sr_x2_y -c photos --truth --tune 2000 -o int8.safetensors
    """
    from edge_sdk.burst.inputs.calibration import burst_calibration
    from edge_sdk.data.probes.calibration import read_calibration
    from edge_sdk.deploy.quantize import QuantizeOptions, Rounding, quantize_loaded
    from edge_sdk.models import Network, save_checkpoint
    from edge_sdk.models.spec import Task
    from edge_sdk.outputs import check_writable, replacing
    from edge_sdk.quantization import Observer

    if model is None:
        raise InputError("no model given; name one: edge-sdk quantize MODEL --calibration DIR")
    if calibration is None:
        raise InputError("no pictures given; add --calibration DIR")
    if observer not in get_args(Observer):
        raise InputError(f"unknown observer '{observer}'; choose one of: min-max, percentile, mse")
    if rounding is not None and rounding not in get_args(Rounding):
        raise InputError(f"unknown rounding '{rounding}'; choose one of: gptq, nearest")
    if size is not None and inputs:
        raise InputError("--size and --input both give the input's size; give one of them")
    loaded = load_named(model, inputs, arguments, weights, mean, std)
    suffix = ".safetensors" if isinstance(loaded.network, Network) else ".json"
    path = output or Path(f"{default_stem(model)}.int8{suffix}")
    if path.suffix != suffix:
        raise OutputError(f"{path}: the quantized form of {model} is {suffix}; end the name so")
    check_writable(path)
    if tune and suffix != ".safetensors":
        raise InputError(
            f"{model} has no file form for tuned weights; tune it from Python, or leave --tune out"
        )
    if rounding == "gptq" and suffix != ".safetensors":
        raise InputError(
            f"{model} has no file form for rounded weights; take --rounding nearest, or let "
            "convert --calibration round them"
        )
    kept = "gptq" if suffix == ".safetensors" else "nearest"
    if size is not None or (loaded.spec is not None and not inputs):
        loaded = loaded.resized(*parse_size(size or "64x64"))
    options = QuantizeOptions(
        observer,  # type: ignore[arg-type]
        rounding or kept,  # type: ignore[arg-type]
        samples,
        resize_factor,
        tune,
        budget_db,
        truth,
        seed,
    )
    zooms = loaded.spec is not None and loaded.spec.task == Task.BURST_ZOOM
    read = burst_calibration if zooms else read_calibration
    with progress_bars() as progress:
        made = quantize_loaded(loaded, loaded.example, calibration, options, progress, read)
    note_merging(model, instead="codes of branches are chosen by convert --keep-branches")
    if isinstance(made.model, Network):
        save_checkpoint(made.model, path, made.scheme)
    else:
        with replacing(path) as temporary:
            temporary.write_text(made.scheme.to_json(), encoding="utf-8")
    if as_json:
        print_json(
            {
                "output": path,
                "notes": made.notes,
                "agreement_db": made.agreement_db,
                "before_tuning_db": made.before_tuning_db,
                "truth_db": made.truth_db,
                "float_layers": made.scheme.float_layers,
                "source": made.source,
                "layers": made.layers,
            }
        )
        return
    columns = ("layer", "SQNR (dB)", "clipped", "scale", "zero point")
    print_table("What int8 keeps", columns, [_row(layer) for layer in made.layers])
    for note in made.notes:
        out.print(f"note: {note}")
    out.print(made.source)
    changed = (
        ""
        if made.scheme.float_layers == () and not tune and options.rounding == "nearest"
        else f" (nearest codes: {format_db(made.before_tuning_db)})"
    )
    out.print(f"int8 against float: {format_db(made.agreement_db)} dB{changed}")
    if made.truth_db is not None:
        before, after = (format_db(value) for value in made.truth_db)
        out.print(f"against the truth: float {before} dB, int8 {after} dB")
    out.print(f"wrote {path}")


def _row(layer: LayerError) -> tuple[str, ...]:
    codes = layer.codes
    return (
        layer.name,
        format_db(layer.sqnr_db),
        f"{layer.clipped:.2%}" if codes else "—",
        f"{codes.scale:.6f}" if codes else "float",
        str(codes.zero_point) if codes else "—",
    )
