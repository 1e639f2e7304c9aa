"""Section ``adversarial`` of a recipe: a discriminator judges what the network makes."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from edge_sdk.errors import InputError
from edge_sdk.models.spec import PictureSpec
from edge_sdk.training.recipe.section import Section


class Turn(StrEnum):
    """Who learns in a step of an adversarial run; the turns follow each other in this order."""

    PIXELS = "pixels"
    """The network, by its pixels alone."""
    DISCRIMINATOR = "discriminator"
    """The discriminator alone, against the network as it is by then."""
    BOTH = "both"
    """The discriminator, then the network by the joint loss."""


class AdversarialConfig(Section):
    """The joint loss k1·L1 + k2·L_GAN and the steps that lead to it.

    By default what the restoration document says: k1 = 1, k2 = 0.0001.
    """

    pixel_steps: int = Field(ge=0, description="first steps, which learn by pixels alone")
    discriminator_steps: int = Field(
        1000, ge=0, description="steps after them, in which the discriminator learns alone"
    )
    pixel_weight: float = Field(1.0, ge=0, allow_inf_nan=False, description="k1, of pixels")
    gan_weight: float = Field(
        1e-4, ge=0, allow_inf_nan=False, description="k2, of the discriminator's verdict"
    )
    feature_weight: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="of the mean absolute difference of the discriminator's features",
    )
    relativistic: bool = Field(
        False,
        description="the discriminator tells which of two is more real, by the average of the "
        "others; false: whether one is",
    )
    conditional: bool = Field(
        False, description="the discriminator sees the network's input beside what it judges"
    )
    widths: tuple[int, ...] = Field(
        (32, 64, 128, 128), min_length=1, description="channels of the discriminator"
    )
    learning_rate: float = Field(
        1e-4, gt=0, allow_inf_nan=False, description="of the discriminator, in all its steps"
    )

    def turn(self, step: int) -> Turn:
        """Who learns in the step that follows ``step`` others."""
        if step < self.pixel_steps:
            return Turn.PIXELS
        if step < self.pixel_steps + self.discriminator_steps:
            return Turn.DISCRIMINATOR
        return Turn.BOTH

    def check(self, spec: object, steps: int, l2_steps: int) -> None:
        """Make sure that a recipe can have a discriminator, and has steps for all turns.

        Args:
            spec: of the network.
            steps: of the recipe.
            l2_steps: of the recipe.

        Raises:
            InputError: if it cannot.
        """
        if not isinstance(spec, PictureSpec):
            raise InputError("adversarial: is for networks that make pictures; leave it out")
        if min(self.widths) < 1:
            raise InputError(f"adversarial: widths {self.widths} must be 1 or more each")
        alone = self.pixel_steps + self.discriminator_steps
        if alone >= steps:
            raise InputError(
                f"adversarial: pixel_steps {self.pixel_steps:,} and discriminator_steps "
                f"{self.discriminator_steps:,} leave none of the {steps:,} steps for both; take "
                "fewer"
            )
        if l2_steps:
            raise InputError(
                "adversarial: its joint loss is of absolute errors; leave optimizer.l2_steps out"
            )
