"""Recipes by name.

The document gives the order of its steps and some of the ranges; the probabilities are ours.
"""

from __future__ import annotations

from edge_sdk.data.degradation.recipe import DegradationRecipe, RecipeStep
from edge_sdk.data.degradation.steps.downsample import DownsampleRange
from edge_sdk.data.degradation.steps.gaussian_blur import GaussianBlurRange
from edge_sdk.data.degradation.steps.gaussian_noise import GaussianNoiseRange
from edge_sdk.data.degradation.steps.jpeg import JpegRange
from edge_sdk.data.degradation.steps.motion_blur import MotionBlurRange
from edge_sdk.data.degradation.steps.poisson_noise import PoissonNoiseRange
from edge_sdk.data.degradation.steps.salt_and_pepper import SaltAndPepperRange
from edge_sdk.errors import InputError


def _document() -> DegradationRecipe:
    """All steps over the document's ranges, in its order."""
    return DegradationRecipe(
        (
            RecipeStep("gaussian-blur", GaussianBlurRange(), 0.5),
            RecipeStep("motion-blur", MotionBlurRange(), 0.3),
            RecipeStep("downsample", DownsampleRange(), 0.7),
            RecipeStep("gaussian-noise", GaussianNoiseRange(), 0.5),
            RecipeStep("poisson-noise", PoissonNoiseRange(), 0.3),
            RecipeStep("salt-and-pepper", SaltAndPepperRange(), 0.1),
            RecipeStep("jpeg", JpegRange(), 0.7),
        )
    )


def _second_order() -> DegradationRecipe:
    """Two rounds in random order, each milder: a photograph was damaged more than once."""
    return DegradationRecipe(
        (
            RecipeStep("gaussian-blur", GaussianBlurRange((3, 9)), 0.5),
            RecipeStep("motion-blur", MotionBlurRange((0.0, 8.0), (0.0, 180.0)), 0.2),
            RecipeStep("downsample", DownsampleRange((1.0, 2.5)), 0.6),
            RecipeStep("gaussian-noise", GaussianNoiseRange((-2.0, 2.0), (0.0, 10.0)), 0.4),
            RecipeStep("poisson-noise", PoissonNoiseRange((200.0, 4000.0)), 0.3),
            RecipeStep("salt-and-pepper", SaltAndPepperRange((0.995, 1.0)), 0.05),
            RecipeStep("jpeg", JpegRange(), 0.6),
        ),
        rounds=2,
        shuffle=True,
    )


PRESETS = {"document": _document, "second-order": _second_order}
"""Recipes by name, made when they are asked for."""


def preset(name: str) -> DegradationRecipe:
    """The recipe of a name.

    Raises:
        InputError: if there is none; the message lists the known names.

    Example:
        >>> from edge_sdk.data.degradation.presets import preset
        >>> preset("second-order").rounds
        2
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset '{name}'; choose one of: {', '.join(PRESETS)}")
    return PRESETS[name]()
