"""What the simulated camera looks at: a background and layers over it.

A layer is a picture with a coverage α in [0, 1], both in the place that they have when the camera
is at rest. The background is the photograph. Layers lie over it in their order, color C over
color D giving α·C + (1 − α)·D in linear light.

A layer has two freedoms: its shift is the background's times a factor (parallax), and in each frame
it may stand somewhere else (a moving object). :mod:`edge_sdk.data.camera.occluders` makes both
kinds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.data.camera.hand_motion import HandMotion
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.sampling import sample_bicubic

OWN_SHARE = 0.9
"""Share of a point's light that a layer must give for the point to be counted as the layer's."""
TOUCHED = 0.01
"""Coverage from which on a point belongs to the area of the moving object."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture that lies over the background.

    Attributes:
        pixels: float32 [4, h, w]: α times linear color, and α.
        factor: its shift as a multiple of the background's.
        offsets_px: float64 [N, 2]: where it stands in each frame, from its home, in sensor pixels.
    """

    pixels: Tensor
    factor: float
    offsets_px: Tensor

    def places(self, hand: HandMotion, index: int, seen: int, points: Tensor) -> Tensor:
        """Points of frame ``index`` on the layer as it stood in ``seen``; float64 [..., 2]."""
        return hand.to_scene(index, points, self.factor) - self.offsets_px[seen]


@dataclass(frozen=True, eq=False)
class LayeredScene:
    """Background, layers and the hand's motion: everything that decides what a frame shows.

    Attributes:
        background: float32 [3, h, w], linear light.
        layers: nearer ones last.
        hand: the camera's motion.
        scale: scene pixels per sensor pixel.
        moving: position in ``layers`` of the moving object; ``None`` if there is none.
    """

    background: Tensor
    layers: tuple[Layer, ...]
    hand: HandMotion
    scale: int
    moving: int | None = None

    def through(self, lens_std_px: float) -> LayeredScene:
        """The scene as a lens of that Gaussian blur shows it, in sensor pixels.

        Each layer is blurred by itself, which differs from a blur of the sum at soft edges only.
        """
        blur = lens_std_px * self.scale
        return LayeredScene(
            gaussian_blur(self.background[None], blur)[0],
            tuple(
                Layer(gaussian_blur(layer.pixels[None], blur)[0], layer.factor, layer.offsets_px)
                for layer in self.layers
            ),
            self.hand,
            self.scale,
            self.moving,
        )

    def light(self, index: int, points: Tensor, clock_y: Tensor | None = None) -> Tensor:
        """Linear light at points of a frame, float32 [3, ...] in [0, 1].

        Args:
            index: the frame.
            points: float64 [..., 2], centered, in sensor pixels.
            clock_y: as in :meth:`HandMotion.to_scene`.
        """
        places = self.hand.to_scene(index, points, clock_y=clock_y)
        light = sample_bicubic(self.background, (places * self.scale).float()).clamp(0, 1)
        for layer in self.layers:
            places = self.hand.to_scene(index, points, layer.factor, clock_y)
            places = places - layer.offsets_px[index]
            over = sample_bicubic(layer.pixels, (places * self.scale).float())
            light = over[:3] + (1 - over[3].clamp(0, 1)) * light
        return light.clamp(0, 1)

    def owner(self, index: int, points: Tensor) -> Tensor:
        """Which layer gives the light at points of a frame, int64 [...].

        0 is the background, 1 the first layer over it; −1 where none gives ``OWN_SHARE`` of it.
        """
        left = torch.ones(points.shape[:-1], dtype=torch.float64)
        found = torch.full(points.shape[:-1], -1)
        for position in range(len(self.layers) - 1, -1, -1):
            covered = self._coverage(position, index, index, points).clamp(0, 1)
            found[left * covered >= OWN_SHARE] = position + 1
            left = left * (1 - covered)
        found[left >= OWN_SHARE] = 0
        return found

    def positions(self, reference: int, index: int, points: Tensor) -> Tensor:
        """Where frame ``index`` shows what frame ``reference`` shows at ``points``.

        Args:
            reference: frame whose points are given.
            index: frame whose points are requested.
            points: float64 [..., 2], centered, in sensor pixels.

        Returns:
            Float64 [..., 2]; NaN where something else lies in front in frame ``index``, or where
            two layers mix in either. Places beyond the frame's edge are given as they are.
        """
        places = self.hand.to_scene(reference, points)
        found = self.hand.from_scene(index, places)
        if not self.layers:
            return found
        here = self.owner(reference, points)
        for position, layer in enumerate(self.layers):
            step = layer.offsets_px[index] - layer.offsets_px[reference]
            places = self.hand.to_scene(reference, points, layer.factor) + step
            moved = self.hand.from_scene(index, places, layer.factor)
            found = torch.where((here == position + 1)[..., None], moved, found)
        hidden = (here < 0) | (self.owner(index, found) != here)
        return found.masked_fill(hidden[..., None], math.nan)

    def moving_area(self, reference: int, points: Tensor) -> Tensor:
        """Whether the moving object is, in any frame, where ``reference`` shows ``points``.

        Returns:
            Bool [...]: the union of its places in all frames; false everywhere without an object.
        """
        area = torch.zeros(points.shape[:-1], dtype=torch.bool)
        if self.moving is None:
            return area
        for index in range(self.layers[self.moving].offsets_px.shape[0]):
            area |= self._coverage(self.moving, reference, index, points) > TOUCHED
        return area

    def _coverage(self, position: int, index: int, seen: int, points: Tensor) -> Tensor:
        layer = self.layers[position]
        places = layer.places(self.hand, index, seen, points) * self.scale
        return sample_bicubic(layer.pixels[3:], places.float())[0].double()
