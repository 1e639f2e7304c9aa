"""The cells of the table: reductions × noise × kinds of noise × light."""

from __future__ import annotations

from itertools import product

from cameras.camera import Camera

REDUCTIONS = (
    ("lens", 0.15),
    ("lens", 0.3),
    ("lens", 0.6),
    ("lens", 0.9),
    ("box", 0.0),
    ("bicubic", 0.0),
)
NOISE_LEVELS = (2.0, 8.0, 16.0)
LIGHTS = ("steady", "flicker", "bands", "balance")


def all_cells() -> list[Camera]:
    """Every camera, 144 of them."""
    return [
        Camera(reduction, lens, noise, colored, light)
        for (reduction, lens), noise, colored, light in product(
            REDUCTIONS, NOISE_LEVELS, (False, True), LIGHTS
        )
    ]


def quick_cells() -> list[Camera]:
    """24 of them: each reduction with four pairs of noise and light, the kinds taking turns."""
    pairs = ((2.0, "steady"), (8.0, "flicker"), (8.0, "bands"), (16.0, "balance"))
    return [
        Camera(reduction, lens, noise, (place + turn) % 2 == 1, light)
        for place, (reduction, lens) in enumerate(REDUCTIONS)
        for turn, (noise, light) in enumerate(pairs)
    ]


def named(camera: Camera) -> str:
    """What a reduction is called in tables."""
    return f"lens {camera.lens_px:g}" if camera.reduction == "lens" else camera.reduction
