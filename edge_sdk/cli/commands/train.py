"""Commands for models: ``models`` and ``train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import err, out, print_json
from edge_sdk.cli.shared.stopping import Stopped, stoppable
from edge_sdk.errors import InputError, OutputError

if TYPE_CHECKING:
    from edge_sdk.training.recipe.config import TrainConfig
    from edge_sdk.training.run.result import TrainResult


def train(
    config: Annotated[
        list[Path] | None,
        typer.Option(
            "--config",
            "-c",
            help="Recipe (YAML); `edge-sdk models` lists those of the shipped models. "
            "Several, each with its own --config, are trained in turn.",
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
        bool, typer.Option("--overwrite", help="Start over where the folder holds a run.")
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

    Writes model.safetensors (best validation), last.ckpt (to resume from), metrics.csv,
    curves.svg, and for recognition result.json. The figure of bicubic interpolation (for
    denoising: of the noisy pictures) on the same pictures is printed beside the result. A run
    that is stopped (Ctrl-C, SIGTERM) goes on from its last validation with --resume. Under
    torchrun all processes train together, each on batches of its own.

    With several recipes each starts from the best weights of the one before, and writes to the
    folders 1, 2, … of the run; model.safetensors of the last is copied to the run itself.

    Example: edge-sdk train --config recipe.yaml --data photos -o runs/mine
    """
    from edge_sdk.training.recipe.file import load_train_config

    if not config:
        raise InputError("no recipe given; name one: edge-sdk train --config RECIPE.yaml")
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output}: is a file; give a folder")
    if len(config) > 1:
        if steps is not None:
            raise InputError(
                "--steps is for one recipe; write optimizer.steps into each of several"
            )
        _train_schedule(config, data, output, init, resume, overwrite, as_json)
        return
    recipe = load_train_config(config[0], data, init)
    if steps is not None:
        recipe = recipe.with_steps(steps)
    from edge_sdk.training.processes import processes
    from edge_sdk.training.run.from_recipe import train as run

    _print_hints(recipe)
    try:
        with stoppable():
            result = run(recipe, output, resume=resume, overwrite=overwrite, progress=not as_json)
    except Stopped as stop:
        _report_stopped(output)
        raise typer.Exit(stop.status) from None
    if not processes().writes:
        return
    _warn_if_no_better(recipe, result)
    if as_json:
        print_json(result)
    else:
        _print_result(recipe, result)


def _train_schedule(
    paths: list[Path],
    data: Path | None,
    output: Path,
    init: str | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    from edge_sdk.training.processes import processes
    from edge_sdk.training.run.schedule import load_schedule, train_schedule

    recipes = load_schedule(paths, output, data, init)
    for recipe in recipes:
        _print_hints(recipe)

    def report_finished(number: int, result: TrainResult) -> None:
        if not processes().writes:
            return
        _warn_if_no_better(recipes[number - 1], result)
        if not as_json:
            out.print(f"recipe {number} of {len(recipes)}, {paths[number - 1]}:")
            _print_result(recipes[number - 1], result)

    try:
        with stoppable():
            result = train_schedule(
                recipes,
                output,
                resume=resume,
                overwrite=overwrite,
                progress=not as_json,
                finished=report_finished,
            )
    except Stopped as stop:
        _report_schedule_stopped(output)
        raise typer.Exit(stop.status) from None
    if not processes().writes:
        return
    if as_json:
        print_json(result)
        return
    figures = ", ".join(f"{run.psnr_db:.2f}" for run in result.runs)
    out.print(f"wrote {result.path}: best weights of the last recipe; all recipes: {figures} dB")


def _print_hints(recipe: TrainConfig) -> None:
    from edge_sdk.training.processes import processes
    from edge_sdk.training.recipe.hints import hints

    if processes().writes:
        for hint in hints(recipe):
            err.print(f"hint: {hint}")


def _warn_if_no_better(recipe: TrainConfig, result: TrainResult) -> None:
    if result.psnr_db <= result.baseline_db:
        err.print(
            f"warning: no better than {recipe.task.baseline_name}; train for more steps or, if the "
            "validations have stopped to move, at a lower optimizer.learning_rate"
        )


def _print_result(recipe: TrainConfig, result: TrainResult) -> None:
    if result.initial is not None:
        fresh = ", ".join(result.initial.fresh) or "none"
        out.print(
            f"took over {result.initial.taken} tensors of {result.initial.model}; "
            f"layers that did not fit and started fresh: {fresh}"
        )
    for reason in result.left_out:
        err.print(f"warning: left out: {reason}")
    found = "" if result.evaluation is None else f"{result.evaluation.summary}; "
    ended = "" if recipe.convergence is None else f" ({result.stopped})"
    out.print(
        f"wrote {result.path}: {found}{result.psnr_db:.2f} dB on the validation pictures "
        f"({recipe.task.baseline_label} {result.baseline_db:.2f}) after "
        f"{result.steps:,} steps{ended}"
    )


def _report_stopped(folder: Path) -> None:
    from edge_sdk.training.run.folder import RunFolder

    steps = RunFolder(folder).saved_steps()
    if steps is None:
        err.print("stopped; nothing saved yet")
    else:
        err.print(f"stopped at step {steps:,}; go on with --resume")


def _report_schedule_stopped(folder: Path) -> None:
    from edge_sdk.training.run.schedule_folder import ScheduleFolder

    runs = ScheduleFolder(folder)
    number = len(runs.finished()) + 1
    steps = runs.run(number).saved_steps()
    if steps is not None:
        err.print(f"stopped in recipe {number} at step {steps:,}; go on with --resume")
    elif number > 1:
        err.print(f"stopped at the start of recipe {number}; go on with --resume")
    else:
        err.print("stopped; nothing saved yet")
