"""The command ``models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import out, print_json, print_table

if TYPE_CHECKING:
    from edge_sdk.models import ModelSpec


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the shipped models, and where their recipes lie."""
    from edge_sdk.zoo.catalogue import load_card, model_names
    from edge_sdk.zoo.fused_form import load_fused

    forms = {name: load_fused(name) for name in model_names()}
    shipped = {name: form.network.spec for name, form in forms.items()}
    sizes = {name: form.certificate.parameters_after for name, form in forms.items()}
    cards = {name: load_card(name) for name in shipped}
    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "parameters": sizes[name],
                    **vars(spec),
                    _kind_of_figures(spec): cards[name].figures,
                    "recipes": cards[name].recipes,
                }
                for name, spec in shipped.items()
            ]
        )
        return
    rows = [
        (
            name,
            describe_task(spec),
            getattr(spec, "color", "—"),
            f"{sizes[name]:,}",
            ", ".join(f"{key} {value:.2f}" for key, value in cards[name].figures.items()),
        )
        for name, spec in shipped.items()
    ]
    print_table(
        "Models", ("name", "task", "color", "parameters, fused", "PSNR (dB), or as named"), rows
    )
    for name, card in cards.items():
        for recipe in card.recipes:
            out.print(f"recipe of {name}: {recipe}")


def _kind_of_figures(spec: ModelSpec) -> str:
    from edge_sdk.models.spec import QUALITY

    return "quality" if spec.task == QUALITY else "psnr_db"


def describe_task(spec: ModelSpec) -> str:
    """Task of a model for people, with the factor of a picture's, as ``super-resolution ×2``."""
    from edge_sdk.models import PictureSpec

    if not isinstance(spec, PictureSpec):
        return spec.task
    if spec.scale > 1:
        return f"{spec.task} ×{spec.scale}"
    return f"{spec.task} ÷{spec.reduction}" if spec.reduction > 1 else spec.task
