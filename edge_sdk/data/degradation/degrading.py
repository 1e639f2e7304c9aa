"""One picture, degraded by a recipe and a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edge_sdk.data.degradation.recipe import DegradationRecipe
from edge_sdk.data.degradation.record import DegradationRecord, DrawnStep
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import to_levels


@dataclass(frozen=True, eq=False)
class Degraded:
    """A degraded picture.

    Attributes:
        pixels: of the size and dtype of the picture; float32 in [0, 1].
        record: what was drawn.

    Example:
        >>> import torch
        >>> from edge_sdk.data import degraded
        >>> worse = degraded(torch.rand(3, 64, 64), "document", seed=1)
        >>> worse.record.seed, worse.pixels.shape
        (1, torch.Size([3, 64, 64]))
    """

    pixels: Tensor
    record: DegradationRecord


def degraded(picture: Tensor, recipe: DegradationRecipe | str, seed: int) -> Degraded:
    """Draw steps by a recipe and apply them; the same seed gives the same bytes.

    Values are clipped to [0, 1] after each step. A picture that no step of the recipe would be
    applied to gets one of them, drawn in proportion to the probabilities. What a step draws depends
    on seed, round and its place in the recipe, and on no probability.

    Args:
        picture: float32 [3, H, W] in [0, 1], or uint8 [3, H, W]; sRGB, on the CPU.
        recipe: the recipe, or the name of a preset: ``document`` or ``second-order``.
        seed: of all draws, 0 or more.

    Returns:
        The degraded picture, of the same size and dtype, and what was drawn.

    Raises:
        InputError: if the seed is negative or the preset unknown.
        PictureError: if the picture is none of these.

    Example:
        In a data set for training on the fly, the index makes the seed:

        >>> import torch
        >>> from edge_sdk.data import degraded
        >>> clean = torch.rand(3, 64, 48)
        >>> worse = degraded(clean, "document", seed=3)
        >>> worse.pixels.shape, torch.equal(worse.pixels, degraded(clean, "document", 3).pixels)
        (torch.Size([3, 64, 48]), True)
        >>> [step.step for step in worse.record.steps]
        ['gaussian-blur', 'motion-blur', 'poisson-noise', 'jpeg']
    """
    if isinstance(recipe, str):
        from edge_sdk.data.degradation.presets import preset

        recipe = preset(recipe)
    record = draw_record(recipe, seed)
    return Degraded(with_record(picture, record), record)


def draw_record(recipe: DegradationRecipe, seed: int) -> DegradationRecord:
    """Draw what :func:`degraded` applies.

    Raises:
        InputError: if the seed is negative.
    """
    if seed < 0:
        raise InputError(f"seed {seed}: give 0 or more")
    probabilities = np.array([step.probability for step in recipe.steps])
    rounds = [np.random.default_rng((seed, number, 0)) for number in range(recipe.rounds)]
    applied = [generator.random(len(probabilities)) < probabilities for generator in rounds]
    places = np.arange(len(probabilities))
    orders = [generator.permutation(places) for generator in rounds] if recipe.shuffle else None
    if not any(each.any() for each in applied):
        share = probabilities / probabilities.sum()
        applied[0][rounds[0].choice(places, p=share)] = True
    steps = []
    for number, chosen in enumerate(applied):
        for place in (places if orders is None else orders[number]).tolist():
            if chosen[place]:
                step = recipe.steps[place]
                generator = np.random.default_rng((seed, number, 1 + place))
                steps.append(DrawnStep(step.step, step.ranges.draw(generator)))
    return DegradationRecord(seed, tuple(steps))


def with_record(picture: Tensor, record: DegradationRecord) -> Tensor:
    """Degrade a picture by what was drawn before; see :func:`degraded`.

    Raises:
        PictureError: if the picture is none that :func:`degraded` takes.

    Example:
        >>> import torch
        >>> from edge_sdk.data import degraded
        >>> from edge_sdk.data.degradation.degrading import with_record
        >>> clean = torch.randint(256, (3, 40, 50), dtype=torch.uint8)
        >>> worse = degraded(clean, "second-order", seed=0)
        >>> torch.equal(with_record(clean, worse.record), worse.pixels)
        True
    """
    _check(picture)
    whole = picture.dtype == torch.uint8
    pixels = picture.float() / 255 if whole else picture
    for step in record.steps:
        pixels = step.drawn.applied(pixels).clamp(0, 1)
    return to_levels(pixels).to(torch.uint8) if whole else pixels


def _check(picture: Tensor) -> None:
    if (
        picture.dtype not in (torch.float32, torch.uint8)
        or picture.ndim != 3
        or picture.shape[0] != 3
        or picture.numel() == 0
    ):
        raise PictureError(
            "a picture to degrade is float32 or uint8 [3, H, W] with a pixel or more, not "
            f"{picture.dtype} {list(picture.shape)}"
        )
    if picture.dtype == torch.float32:
        low, high = torch.aminmax(picture)
        # Written so that a NaN is refused too.
        if not (low >= 0 and high <= 1):
            raise PictureError(
                f"a picture to degrade has values in [0, 1], not {float(low):g} to "
                f"{float(high):g}; divide levels by 255, or clip"
            )
