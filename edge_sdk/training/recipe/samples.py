"""Section ``data.samples`` of a recipe: how samples are drawn of pictures with classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from edge_sdk.training.recipe.section import Section, Share

if TYPE_CHECKING:
    from edge_sdk.data.recognition.samples import SampleRange


def _as_range(given: Any) -> Any:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return (given, given) if is_number else given


Range = Annotated[tuple[float, float], BeforeValidator(_as_range)]
"""Least and greatest of what is drawn; one number is both."""


class SamplesConfig(Section):
    """Cuts and changes of the pictures that a network learns to recognize."""

    area_share: Range = Field(
        (0.25, 1.0),
        description="least and greatest part of the picture's area that is cut; one number is "
        "both, and then aspect_ratio must be a range",
    )
    aspect_ratio: Range = Field(
        (0.75, 1.3333),
        description="least and greatest width over height of what is cut; one number is both",
    )
    flip_share: Share = Field(0.5, description="probability of being flipped left to right")
    turn_share: Share = Field(0.0, description="probability of being turned")
    turn_deg: Range = Field(
        (-10.0, 10.0), description="least and greatest angle, in degrees, counterclockwise"
    )
    attribute_share: Share = Field(
        0.0, description="probability of other brightness, contrast and saturation"
    )
    brightness: Range = Field((0.8, 1.25), description="least and greatest factor of brightness")
    contrast: Range = Field((0.8, 1.25), description="least and greatest factor of contrast")
    saturation: Range = Field((0.8, 1.25), description="least and greatest factor of saturation")
    by_class: bool = Field(
        True,
        description="every class is drawn as often as another, however many pictures it has; "
        "false: every picture as often as another",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.ranges()
        return self

    def ranges(self) -> SampleRange:
        """What samples are drawn from.

        Raises:
            InputError: if area and ratio are both fixed, nothing perturbs, or a range is wrong.
        """
        from edge_sdk.data.recognition.regions import RegionRange
        from edge_sdk.data.recognition.samples import SampleRange

        return SampleRange(
            RegionRange(self.area_share, self.aspect_ratio),
            self.flip_share,
            self.turn_share,
            self.turn_deg,
            self.attribute_share,
            self.brightness,
            self.contrast,
            self.saturation,
        )
