"""About three hundred small layers, one list for every target.

Reading order: ``fan`` (many layers in one model), ``elementwise``, ``convolutions``, ``shapes``,
``foreign`` (the layers by subject), ``outcomes`` (what becomes of them in a target).
"""

from __future__ import annotations

from collections.abc import Callable

from tests.builders.layers.convolutions import convolutions, pooling
from tests.builders.layers.elementwise import activations, arithmetic
from tests.builders.layers.fan import Layer
from tests.builders.layers.foreign import attention, norms, written
from tests.builders.layers.shapes import resampling, shapes

GROUPS: tuple[Callable[[], dict[str, Layer]], ...] = (
    activations,
    arithmetic,
    norms,
    attention,
    convolutions,
    pooling,
    shapes,
    written,
    resampling,
)
