"""Bursts drawn by integers: frames that a driver in any language makes again to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle.generator import ONE, Layer, hashed, layer_values

FINE = 4
"""Finer pixels of a scene per pixel of a frame, in each direction."""
MOST_SIDE, MOST_FRAMES, MOST_HOT, MOST_GAIN = 256, 8, 64, 4096
"""Sides, frames, hot pixels and gain of a burst, at most."""
MARGIN = 32
"""Finer pixels of a scene around what a frame at rest shows: how far one may be moved."""
GROUND = (Layer(1, 64, ONE // 8, 7 * ONE // 8),)
"""What lies behind all things of a scene, at its finer pixels; channels red, green and blue."""
THINGS = 40
"""Rectangles of one color each that lie on it, the later over the earlier."""


@dataclass(frozen=True)
class DrawnFrame:
    """One frame.

    Attributes:
        right: finer pixels by which the scene lies further to the right, at most ``MARGIN``.
        down: the same downwards.
        scene: number of the scene.
        gain: 256ths of the values.
        noise: seed of its noise; frames of one seed, place and gain are copies.
        levels: 256ths of an 8-bit level that noise reaches in both directions.
    """

    right: int
    down: int
    scene: int = 0
    gain: int = 256
    noise: int = 0
    levels: int = 0


@dataclass(frozen=True)
class DrawnBurst:
    """A burst.

    Attributes:
        name: what it is to show.
        height: rows of a frame.
        width: columns of a frame.
        frames: one after the other.
        hot: row, column and color of pixels that are white in every frame.
    """

    name: str
    height: int
    width: int
    frames: tuple[DrawnFrame, ...]
    hot: tuple[tuple[int, int, int], ...] = ()

    def is_drawable(self) -> bool:
        """Whether it is small, moves no further than scenes reach, and stays within integers."""
        sides = 32 <= min(self.height, self.width) <= max(self.height, self.width) <= MOST_SIDE
        frames = 0 < len(self.frames) <= MOST_FRAMES and all(
            max(abs(each.right), abs(each.down)) <= MARGIN
            and 0 <= each.scene < 1 << 30
            and 0 <= each.noise < 1 << 24
            and 0 <= each.gain <= MOST_GAIN
            and 0 <= each.levels <= ONE
            for each in self.frames
        )
        hot = len(self.hot) <= MOST_HOT and all(
            0 <= row < self.height and 0 <= column < self.width and 0 <= color < 3
            for row, column, color in self.hot
        )
        return sides and frames and hot

    def drawn(self) -> NDArray[np.uint8]:
        """The frames, uint8 [N, H, W, 3].

        With s the scene at its finer pixels in 2¹⁶ths, a color of a pixel is v = ⌊Σ s/16⌋ over the
        4×4 finer pixels that it shows, times gain by 256, plus noise, both rounded down; then
        ⌊(v·255 + 2¹⁵)/2¹⁶⌋, at least 0 and at most 255.
        """
        made = np.stack([self._drawn(frame) for frame in self.frames])
        for row, column, color in self.hot:
            made[:, row, column, color] = 255
        return made

    def _drawn(self, frame: DrawnFrame) -> NDArray[np.uint8]:
        top, left = MARGIN - frame.down, MARGIN - frame.right
        planes = []
        for color, scene in enumerate(_scene(self.height, self.width, frame.scene)):
            shown = scene[top : top + FINE * self.height, left : left + FINE * self.width]
            cells = shown.reshape(self.height, FINE, self.width, FINE)
            value = (cells.sum((1, 3)) // FINE**2) * frame.gain // 256
            reach = frame.levels * ONE // (255 * 256)
            grain = Layer(1000 + 3 * frame.noise, 1, -reach, reach)
            value += layer_values(grain, color, self.height, self.width)
            planes.append(((value * 255 + ONE // 2) // ONE).clip(0, 255))
        return np.stack(planes, -1).astype(np.uint8)


@lru_cache(maxsize=2)
def _scene(height: int, width: int, number: int) -> list[NDArray[np.int64]]:
    """Red, green and blue at finer pixels: the ground and ``THINGS`` things; only to be read.

    With h(k) the hash of (the scene's number, the thing's, k), a thing begins at row h(0) mod rows
    and column h(1) mod columns, is 16 + h(2) mod 96 finer pixels high and 16 + h(3) mod 128 wide,
    and has in color c the value h(4 + c) mod 2¹⁶.
    """
    rows, columns = FINE * height + 2 * MARGIN, FINE * width + 2 * MARGIN
    planes = []
    for color in range(3):
        plane = np.zeros((rows, columns), np.int64)
        for layer in GROUND:
            moved = Layer(layer.seed + number, layer.cell, layer.low, layer.high)
            plane += layer_values(moved, color, rows, columns)
        for thing in range(THINGS):
            h = [int(hashed(np.uint32(number), np.uint32(thing), np.uint32(k))) for k in range(7)]
            top, left = h[0] % rows, h[1] % columns
            below, beside = top + 16 + h[2] % 96, left + 16 + h[3] % 128
            plane[top:below, left:beside] = h[4 + color] % ONE
        planes.append(plane)
    return planes


def _still(count: int, **others: int) -> tuple[DrawnFrame, ...]:
    """Frames of a hand: quarter pixels apart, each with its own noise."""
    places = ((0, 0), (5, -3), (-6, 7), (11, 2), (-9, -10), (2, 13))
    return tuple(
        DrawnFrame(right, down, noise=index + 1, levels=600, **others)
        for index, (right, down) in enumerate(places[:count])
    )


def golden_bursts() -> tuple[DrawnBurst, ...]:
    """The bursts of a bundle: one as usual, and one for each decision of the driver."""
    usual, size = _still(5), (96, 128)
    # The fifth is by far the sharpest, whatever rounds.
    clear = (usual[0], usual[1], usual[2], usual[4])
    dark = DrawnFrame(3, -4, gain=90, noise=7, levels=600)
    black = DrawnFrame(0, 0, gain=0)
    foreign = DrawnFrame(0, 0, scene=500, noise=8, levels=600)
    dim = tuple(
        DrawnFrame(
            each.right, each.down, gain=236 if index % 2 else 256, noise=index + 1, levels=600
        )
        for index, each in enumerate(usual)
    )
    return (
        DrawnBurst("usual", *size, usual),
        DrawnBurst("flicker", *size, dim),
        DrawnBurst("another scene", *size, (*clear, foreign)),
        DrawnBurst("copies", *size, (*clear, usual[1])),
        DrawnBurst("two stops darker", *size, (*clear, dark)),
        DrawnBurst("black frames", *size, (usual[4], usual[1], black, black, black)),
        DrawnBurst("hot pixels", *size, usual, ((20, 30, 0), (60, 90, 2))),
        DrawnBurst("one frame", *size, usual[:1]),
    )
