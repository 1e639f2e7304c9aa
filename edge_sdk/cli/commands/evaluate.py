"""Command ``evaluate``: the table of PSNR and SSIM on folders of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import format_db, out, print_json, print_table, progress_bars
from edge_sdk.cli.shared.model_argument import KEEP_HELP, note_merging
from edge_sdk.cli.shared.recognition_scores import evaluate_classes
from edge_sdk.cli.shared.runtime_option import RUNTIME_NAMES, file_runtimes, parse_runtimes
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.evaluation import Degradation, Method, MethodScores, ModelMethod
    from edge_sdk.models.spec import PictureSpec


def evaluate(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL_OR_FILE]…",
            help="Models and converted files; a file belongs to the model named before it.",
        ),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", "-d", help="Folder of pictures; may be repeated.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model that the files were made from: scale, color, halo.")
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(help=f"For files: {RUNTIME_NAMES}, or another installed; several by commas."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Of models that tell classes apart: table of file,label below --data "
            "\\[a folder for each class].",
        ),
    ] = None,
    scale: Annotated[
        int | None, typer.Option(help="Scale of the bicubic row where no model is given.")
    ] = None,
    sigma: Annotated[
        float, typer.Option(help="Noise for denoising models, in 8-bit levels.")
    ] = 0.0,
    degradation: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE",
            help="For restoration models: document, second-order, or a file as edge-sdk degrade "
            "takes it.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise or the degradation.")] = 0,
    keep_branches: Annotated[bool, typer.Option("--keep-branches", help=KEEP_HELP)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """Score models and converted files on folders of pictures, beside bicubic interpolation.

    The protocol of the papers: MATLAB's antialiased bicubic reduction, PSNR and SSIM of BT.601 luma
    in 8 bits, a border of the scale left out, mean over pictures. Models for denoising get Gaussian
    noise instead, neither clipped nor rounded, and models for restoration what --degradation makes
    of the pictures; those of color are scored on red, green and blue. Large pictures are cut into
    windows with the model's halo.

    A .safetensors file that holds int8 codes is scored with them. A picture that is smaller than a
    file's window is left out of all rows.

    Models that tell classes apart, and their files, are scored on labelled pictures, of which the
    middle is resized to what they take: top-1, recall of every class, and what is taken for what.

    Example: edge-sdk evaluate sr_x2_y sr_x2_y.tflite --data photos
    """
    from edge_sdk.evaluation import Degradation
    from edge_sdk.evaluation import evaluate as run
    from edge_sdk.models import Color

    if not data:
        raise InputError("no pictures given; name a folder: edge-sdk evaluate MODEL --data DIR")
    requested = parse_runtimes(runtime)
    if _tells_classes_apart(subjects or [], model):
        if scale is not None or sigma or degradation is not None:
            raise InputError(
                "--scale, --sigma and --degradation are for pictures made worse; leave them out"
            )
        evaluate_classes(subjects or [], model, requested, keep_branches, data, labels, as_json)
        return
    if labels is not None:
        raise InputError("--labels is for models that tell classes apart; leave it out")
    methods = _methods(subjects or [], model, requested, keep_branches)
    if methods:
        common = methods[0].spec.scale
        if scale is not None and scale != common:
            raise InputError(
                f"{methods[0].name} enlarges ×{common}, not ×{scale}; leave out --scale"
            )
        scale = common
    elif scale is None and degradation is not None:
        scale = 1
    elif scale is None:
        raise InputError(
            "no model given; name one, or give --scale for bicubic interpolation alone"
        )
    done = Degradation(scale, sigma, seed, degradation)
    with progress_bars() as progress:
        rows = run(methods, data, done, progress)
    if as_json:
        print_json({"degradation": done, "rows": [_plain_row(row) for row in rows]})
        return
    color = methods[0].spec.color if methods and done.scale == 1 else Color.Y
    _print_rows(rows, done, "luma" if color is Color.Y else "red, green, blue")


def _tells_classes_apart(subjects: list[str], model: str | None) -> bool:
    """Whether the models that are named do, all of them.

    Raises:
        ModelError: if there is no such model.
        InputError: if some do and some do not.
    """
    from edge_sdk.emulate.runtimes.names import artifact_suffixes
    from edge_sdk.models.spec import RecognitionSpec
    from edge_sdk.zoo.networks import model_spec

    named = [each for each in subjects if Path(each).suffix not in artifact_suffixes()]
    named += [] if model is None else [model]
    tells = [isinstance(model_spec(each), RecognitionSpec) for each in named]
    if any(tells) and not all(tells):
        raise InputError(
            f"{named[tells.index(True)]} tells classes apart and {named[tells.index(False)]} does "
            "not; evaluate them one after the other"
        )
    return any(tells)


def _methods(
    subjects: list[str],
    model: str | None,
    requested: tuple[str, ...] | None,
    keep_branches: bool,
) -> list[Method]:
    from edge_sdk.emulate.runtimes.names import artifact_suffixes
    from edge_sdk.evaluation import ArtifactMethod
    from edge_sdk.zoo.networks import picture_spec

    methods: list[Method] = []
    spec: PictureSpec | None = None if model is None else picture_spec(model)
    for subject in subjects:
        path = Path(subject)
        if path.suffix not in artifact_suffixes():
            method = _eager(subject, keep_branches)
            note_merging(subject, keep_branches)
            methods.append(method)
            spec = method.spec
            continue
        runtimes = file_runtimes(path, requested)
        if spec is None:
            raise InputError(
                f"{path}: a file does not say its scale and color; name the model that it was "
                "made from by --model, or before the file"
            )
        methods += [ArtifactMethod(path, spec, name) for name in runtimes]
    return methods


def _eager(subject: str, keep_branches: bool) -> ModelMethod:
    """A model in PyTorch; with the int8 codes that its file holds, if it does."""
    from edge_sdk.evaluation import ModelMethod
    from edge_sdk.quantization import apply_scheme
    from edge_sdk.zoo.catalogue import resolve_checkpoint
    from edge_sdk.zoo.networks import example_input, picture_network

    network = picture_network(subject, keep_branches=keep_branches)
    scheme = resolve_checkpoint(subject).scheme
    name = Path(subject).stem
    if scheme is None:
        return ModelMethod(network, network.spec, name)
    coded = apply_scheme(network, example_input(network), scheme).model
    return ModelMethod(coded, network.spec, name, "int8")


def _plain_row(row: MethodScores) -> dict[str, object]:
    return {
        "method": row.method,
        "runtime": row.runtime,
        "precision": row.precision,
        "folders": [
            {
                "folder": folder.folder,
                "psnr_db": folder.psnr_db,
                "ssim": folder.ssim,
                "pictures": folder.pictures,
                "left_out": folder.left_out,
            }
            for folder in row.folders
        ],
    }


def _print_rows(rows: tuple[MethodScores, ...], degradation: Degradation, compared: str) -> None:
    folders = rows[0].folders
    columns = ["method", "runtime", "precision"]
    columns += [f"{folder.folder.name} ({len(folder.pictures)})" for folder in folders]
    cells = [
        (
            row.method,
            row.runtime,
            row.precision or "—",
            *(f"{format_db(folder.psnr_db)} / {folder.ssim:.4f}" for folder in row.folders),
        )
        for row in rows
    ]
    task = f"×{degradation.scale}" if degradation.scale > 1 else f"σ = {degradation.sigma:g}/255"
    if degradation.recipe is not None:
        task = f"degraded by {degradation.recipe}"
    print_table(f"PSNR (dB) / SSIM of {compared}, {task}", columns, cells)
    out.print(
        f"border of {degradation.border_px} px left out; mean over pictures (number in brackets)",
        style="dim",
    )
    for folder in folders:
        if folder.left_out:
            out.print(
                f"{folder.folder.name}: left out of all rows, smaller than a file's window: "
                f"{', '.join(folder.left_out)}"
            )
