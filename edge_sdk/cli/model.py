"""Commands for models: ``models`` and ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.console import err, out, print_json, print_table
from edge_sdk.cli.stopping import Stopped, stoppable
from edge_sdk.errors import InputError, OutputError

if TYPE_CHECKING:
    from edge_sdk.models import ModelSpec


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the shipped models, and where their recipes lie."""
    from edge_sdk.reparam import count_parameters
    from edge_sdk.zoo import load_card, load_model, model_names
    from edge_sdk.zoo.networks import fused_network

    shipped = {name: load_model(name) for name in model_names()}
    cards = {name: load_card(name) for name in shipped}
    sizes = {name: count_parameters(fused_network(net)) for name, net in shipped.items()}
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "parameters": sizes[name],
                    **vars(net.spec),
                    "psnr_db": cards[name].figures,
                    "recipe": cards[name].recipe,
                }
                for name, net in shipped.items()
            ]
        )
        return
    rows = [
        (
            name,
            describe_task(net.spec),
            net.spec.colour,
            f"{sizes[name]:,}",
            ", ".join(f"{key} {value:.2f}" for key, value in cards[name].figures.items()),
        )
        for name, net in shipped.items()
    ]
    print_table("Models", ("name", "task", "colour", "parameters, fused", "PSNR (dB)"), rows)
    for name, card in cards.items():
        out.print(f"recipe of {name}: {card.recipe}")


def train(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="Recipe (YAML); `edge-sdk models` tells where those of the shipped models lie.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder that the recipe's paths start from \\[its own].")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path(
        "runs/train"
    ),
    steps: Annotated[
        int | None, typer.Option(help="Steps to take instead of the recipe's.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start anew where the folder holds a run.")
    ] = False,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Model to start from instead of the recipe's: a name or a file."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a network by a recipe and keep the best weights.

    Writes model.safetensors (best validation), last.ckpt (to resume from), metrics.csv and
    curves.svg. The figure of bicubic interpolation (for denoising: of the noisy pictures) on the
    same pictures is printed beside the result. A run that is stopped (Ctrl-C, SIGTERM) goes on from
    its last validation with --resume. Under torchrun all processes train together, each on batches
    of its own.

    Example: edge-sdk train --config recipe.yaml --data photos -o runs/mine
    """
    from edge_sdk.training.config import load_train_config

    if config is None:
        raise InputError("no recipe given; name one: edge-sdk train --config RECIPE.yaml")
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file; give a folder")
    recipe = load_train_config(config, data)
    if steps is not None:
        recipe = recipe.with_steps(steps)
    if init is not None:
        recipe = recipe.model_copy(update={"init": init})
    from edge_sdk.models.spec import Task
    from edge_sdk.training.processes import processes
    from edge_sdk.training.run import train as run

    try:
        with stoppable():
            result = run(recipe, output, resume=resume, overwrite=overwrite, progress=not as_json)
    except Stopped as stop:
        _say_stopped(output)
        raise typer.Exit(stop.status) from None
    if not processes().writes:
        return
    denoises = recipe.model.task is Task.DENOISING
    baseline = "the noisy pictures" if denoises else "bicubic interpolation"
    if result.psnr_db <= result.baseline_db:
        err.print(f"warning: no better than {baseline}; train for more steps")
    if as_json:
        print_json(result)
        return
    if result.initial is not None:
        fresh = ", ".join(result.initial.fresh) or "none"
        out.print(
            f"took over {result.initial.taken} tensors of {result.initial.model}; "
            f"layers that did not fit and started fresh: {fresh}"
        )
    out.print(
        f"wrote {result.path}: {result.psnr_db:.2f} dB on the validation pictures "
        f"({'noisy' if denoises else 'bicubic'} {result.baseline_db:.2f}) after "
        f"{result.steps:,} steps"
    )


def _say_stopped(folder: Path) -> None:
    from edge_sdk.training.run_folder import RunFolder

    steps = RunFolder(folder).saved_steps()
    if steps is None:
        err.print("stopped; nothing saved yet")
    else:
        err.print(f"stopped at step {steps:,}; go on with --resume")


def describe_task(spec: ModelSpec) -> str:
    """Task and factor of a model for people, such as ``super-resolution ×2``."""
    if spec.scale > 1:
        return f"{spec.task} ×{spec.scale}"
    return f"{spec.task} ÷{spec.reduction}" if spec.reduction > 1 else str(spec.task)
