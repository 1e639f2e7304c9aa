"""Section ``data.bursts`` of a recipe: how bursts are drawn that a network learns from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge_sdk.training.recipe.section import Section, Share

Lenses = tuple[Annotated[float, Field(ge=0, le=2)], Annotated[float, Field(ge=0, le=2)]]
"""Least and greatest blur of a lens, in pixels of a frame."""


class BurstsConfig(Section):
    """Simulated bursts that a network for burst zoom learns from."""

    count: int = Field(1000, ge=1, description="number of training bursts")
    frame_px: int = Field(
        150, ge=64, le=1024, description="side of what a burst is taken of, in pixels of a frame"
    )
    frames: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(
        (1, 2, 4, 6, 8, 10, 10, 10, 10, 10, 16, 20),
        min_length=1,
        description="numbers of frames, each as likely as it is often named",
    )
    noise: tuple[Annotated[float, Field(gt=0, le=255)], Annotated[float, Field(gt=0, le=255)]] = (
        Field((1.0, 14.0), description="least and greatest noise of a frame, in 8-bit levels")
    )
    lens_std_px: Lenses | tuple[Lenses, ...] = Field(
        (0.23, 0.37),
        description="least and greatest blur of the lens, in pixels of a frame; or several such "
        "pairs, each as likely as it is often named",
    )
    moving_object_share: Share = Field(
        0.2, description="part of the bursts with an object that moves"
    )
    near_layer_share: Share = Field(0.07, description="part with a nearer layer instead")
    rolling_shutter_share: Share = Field(
        0.07, description="part with a rolling shutter on a continuous path"
    )
    sensor_noise_share: Share = Field(
        0.15, description="part with shot and read noise, half of these behind a Bayer filter"
    )
    reductions: tuple[Literal["area", "box", "bicubic"], ...] = Field(
        ("area",),
        min_length=1,
        description="what pixels see, each as likely as it is often named; where it is not area "
        "there is no lens",
    )
    colored_noise_share: Share = Field(
        0.0,
        description="part of those without shot noise whose noise differs by color and is smooth",
    )
    light_share: Share = Field(
        0.0, description="part whose light flickers, changes its balance or has bands"
    )
    jpeg_share: Share = Field(0.0, description="part whose frames went through JPEG")
    jpeg_quality: tuple[
        Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]
    ] = Field((85, 100), description="least and greatest quality of those")
    repeating_share: Share = Field(
        0.0, description="part of whose scene a half is a piece of the picture over and over"
    )
    validation_drawn: int = Field(
        0,
        ge=0,
        description="number of bursts to validate on that are drawn as those for training, in "
        "turn of the pictures; 0 for the camera's defaults at each noise of validation_noise",
    )
    validation_noise: tuple[Annotated[float, Field(gt=0, le=255)], ...] = Field(
        (2.0, 8.0), min_length=1, description="noise of the bursts that are validated on"
    )
    validation_px: int = Field(200, ge=64, le=2048, description="side of what those are cut from")

    @property
    def lens_ranges(self) -> tuple[Lenses, ...]:
        """Ranges of the blur of the lens, each as likely as it is often named."""
        ranges = [pair for pair in self.lens_std_px if isinstance(pair, tuple)]
        return tuple(ranges) or (self.lens_std_px,)  # type: ignore[return-value]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.lens_std_px:
            raise ValueError("lens_std_px must be two numbers in order, or several such pairs")
        pairs: list[tuple[str, tuple[float, float]]] = [
            ("noise", self.noise),
            ("jpeg_quality", self.jpeg_quality),
            *(("lens_std_px", pair) for pair in self.lens_ranges),
        ]
        for name, (low, high) in pairs:
            if low > high:
                raise ValueError(f"{name} must be two numbers in order")
        if self.moving_object_share + self.near_layer_share > 1:
            raise ValueError(
                "moving_object_share and near_layer_share are parts of one whole: at most 1"
            )
        return self
