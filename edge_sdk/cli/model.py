"""Commands for models: ``models``, ``train`` and ``fuse``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.console import out, print_json, print_table
from edge_sdk.errors import InputError, OutputError

if TYPE_CHECKING:
    from edge_sdk.models import ModelSpec


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the shipped models."""
    from edge_sdk.reparam import count_parameters
    from edge_sdk.zoo import load_card, load_model, model_names
    from edge_sdk.zoo.networks import fused_network

    shipped = {name: load_model(name) for name in model_names()}
    figures = {name: load_card(name).figures for name in shipped}
    sizes = {name: count_parameters(fused_network(net)) for name, net in shipped.items()}
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "parameters": sizes[name],
                    **vars(net.spec),
                    "psnr_db": figures[name],
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
            ", ".join(f"{key} {value:.2f}" for key, value in figures[name].items()),
        )
        for name, net in shipped.items()
    ]
    print_table("Models", ("name", "task", "colour", "parameters, fused", "PSNR (dB)"), rows)


def train(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Recipe (YAML); `edge-sdk models` ships examples."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder that the recipe's paths start from [its own].")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path(
        "runs/train"
    ),
    steps: Annotated[
        int | None, typer.Option(help="Steps to take instead of the recipe's.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the folder's last checkpoint.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a network by a recipe and keep the best weights.

    Writes model.safetensors (best validation), last.ckpt (to resume from) and metrics.csv.

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
    from edge_sdk.training.run import train as run

    result = run(recipe, output, resume=resume, progress=not as_json)
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
        f"after {result.steps:,} steps"
    )


def fuse(
    model: Annotated[
        str | None, typer.Argument(help="Shipped model, or a .safetensors file.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write, .safetensors.")
    ] = Path("fused.safetensors"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the certificate as JSON.")] = False,
) -> None:
    """Merge every multi-branch block into one convolution and prove that nothing changed.

    Original and fused model are compared on impulses, borders, constants and noise in float64 and
    float32; a model that differs is not written.

    Example: edge-sdk fuse sr_x2_y -o sr_x2_y.safetensors
    """
    from edge_sdk.models import save_checkpoint
    from edge_sdk.outputs import check_writable
    from edge_sdk.reparam import fuse as fuse_model
    from edge_sdk.zoo import resolve_model
    from edge_sdk.zoo.networks import example_input

    if model is None:
        raise InputError("no model given; name one: edge-sdk fuse MODEL -o FILE")
    if output.suffix != ".safetensors":
        raise OutputError(f"{output}: models are written as .safetensors; end the name so")
    check_writable(output)
    network = resolve_model(model)
    fused, certificate = fuse_model(network, example_input(network))
    save_checkpoint(fused, output)
    if as_json:
        print_json({"output": output, "certificate": certificate})
        return
    rows = [
        (region.name, str(region.branches), f"{region.kernel[0]}×{region.kernel[1]}")
        for region in certificate.regions
    ]
    print_table("Merged blocks", ("block", "branches", "kernel"), rows)
    for refusal in certificate.refusals:
        out.print(f"left apart: {refusal.name}: {refusal.reason}")
    out.print(
        f"parameters {certificate.parameters_before:,} → {certificate.parameters_after:,} · "
        f"MACs {certificate.macs_before:,} → {certificate.macs_after:,} (32×32 input)"
    )
    out.print(
        f"largest error {certificate.error_float64:.1e} (float64), {certificate.error_float32:.1e} "
        f"(float32) of the RMS output, over {len(certificate.probes)} probes"
    )
    out.print(f"wrote {output}")


def describe_task(spec: ModelSpec) -> str:
    """Task and factor of a model for people, such as ``super-resolution ×2``."""
    if spec.scale > 1:
        return f"{spec.task} ×{spec.scale}"
    return f"{spec.task} ÷{spec.reduction}" if spec.reduction > 1 else str(spec.task)
