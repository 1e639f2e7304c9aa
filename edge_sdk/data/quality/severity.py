"""The document's degradations, from hardly any to all of them at their worst."""

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

SPREAD = 0.3
"""Part of a severity by which each step may be milder than it."""
LEAST_BLUR, LEAST_POISSON = 0.12, 0.2
"""Severities from which on a picture may get Gaussian blur and Poisson noise: the mildest that the
document has of them, a kernel of 3 px and 2000 photons for white, are not mild."""


def recipe_of_severity(severity: float) -> DegradationRecipe:
    """The document's steps, in its order, with ranges narrowed to a severity.

    Every range ends at ``severity`` of the way from no effect to the document's greatest one, and
    begins at 70 % of that; probabilities are those of the preset ``document``.

    Args:
        severity: above 0, up to 1.

    Raises:
        InputError: if it is out of its range.

    Example:
        >>> from edge_sdk.data.quality.severity import recipe_of_severity
        >>> recipe_of_severity(0.5).steps[-1].ranges
        JpegRange(quality=(75, 82))
    """
    if not 0 < severity <= 1:
        raise InputError(f"a severity must be above 0, up to 1, not {severity:g}")
    most, least = severity, severity * (1 - SPREAD)

    def odd(part: float) -> int:
        return 3 + 2 * round(5 * part)

    def photons(part: float) -> float:
        return float(2000 * (100 / 2000) ** part)

    steps = (
        RecipeStep("gaussian-blur", GaussianBlurRange((odd(least), odd(most))), 0.5),
        RecipeStep("motion-blur", MotionBlurRange((12 * least, 12 * most)), 0.3),
        RecipeStep("downsample", DownsampleRange((1 + 3 * least, 1 + 3 * most)), 0.7),
        RecipeStep(
            "gaussian-noise",
            GaussianNoiseRange((-4 * most, 4 * most), (15 * least, 15 * most)),
            0.5,
        ),
        RecipeStep("poisson-noise", PoissonNoiseRange((photons(most), photons(least))), 0.3),
        RecipeStep("salt-and-pepper", SaltAndPepperRange((1 - 0.02 * most, 1 - 0.02 * least)), 0.1),
        RecipeStep("jpeg", JpegRange((round(100 - 50 * most), round(100 - 50 * least))), 0.7),
    )
    mildest = {"gaussian-blur": LEAST_BLUR, "poisson-noise": LEAST_POISSON}
    return DegradationRecipe(
        tuple(step for step in steps if severity >= mildest.get(step.step, 0.0))
    )
