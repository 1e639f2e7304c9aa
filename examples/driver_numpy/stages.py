"""The ten stages as files run them: one tensor of a fixed size in and one out, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = np.ndarray
Run = Callable[[str, Array], Array]
"""Runs the stage of a name on its input, float32, and returns its output."""
HALOS_PX = {"smooth": 3, "halve": 4, "surround": 6, "expand": 2, "score": 1}
"""Margins that stages consume, in pixels of their input."""


@dataclass(frozen=True)
class Driver:
    """What a driver knows of the files and of the contract, as ``driver.json`` has it."""

    scale: int
    shapes: Mapping[str, tuple[int, ...]]  # by stage, of its input
    decoded_px: int  # most rows and columns that ``decode`` makes, in pixels of a frame
    network_halo_px: int  # margin that the network consumes, likewise
    learned_std: float  # most noise that ``blend`` is told
    constants: Mapping[str, float]  # by the names of the tables of the contract

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Driver:
        """Take it from what the JSON file holds."""
        shapes = {stage: tuple(shape) for stage, shape in record["shapes"].items()}
        return cls(**{**record, "shapes": shapes})

    def table(self, module: str) -> SimpleNamespace:
        """Constants of one module of the contract, such as ``burst.noise.gauge``."""
        names = [name for name in self.constants if name.rpartition(".")[0] == module]
        return SimpleNamespace(**{name.rpartition(".")[2]: self.constants[name] for name in names})


@dataclass(frozen=True)
class Stages:
    """The stages behind pictures of any size."""

    driver: Driver
    run: Run

    def table(self, module: str) -> SimpleNamespace:
        """Constants of one module of the contract."""
        return self.driver.table(module)

    def whole(self, stage: str, picture: Array) -> Array:
        """``smooth``, ``surround`` or ``halve`` a picture [h, w]; the latter drops odd rests."""
        height, width = picture.shape
        shrink = 2 if stage == "halve" else 1
        even = picture[: height // shrink * shrink, : width // shrink * shrink]
        padded = np.pad(even, HALOS_PX[stage], mode="edge")[None]
        made: Array = self.tiled(stage, padded, shrink)[0]
        return made

    def tiled(self, stage: str, planes: Array, shrink: int = 1) -> Array:
        """Cover planes [C, h, w], margin included, with tiles of a stage.

        Returns [C′, ⌈(h − 2·halo)/shrink⌉, ⌈(w − 2·halo)/shrink⌉]. Tiles that stick out hold zeros,
        which reach nothing that is returned.
        """
        margin, (side_y, side_x) = 2 * HALOS_PX[stage], self.driver.shapes[stage][2:]
        rows = []
        for top in range(0, planes.shape[1] - margin, side_y - margin):
            row = []
            for left in range(0, planes.shape[2] - margin, side_x - margin):
                crop = planes[:, top : top + side_y, left : left + side_x]
                down, right = (math.ceil((side - margin) / shrink) for side in crop.shape[1:])
                row.append(self.padded(stage, crop)[:, :down, :right])
            rows.append(np.concatenate(row, 2))
        return np.concatenate(rows, 1)

    def padded(self, stage: str, planes: Array) -> Array:
        """Run a stage on planes [C, h, w] no larger than its input, with zeros for what lacks."""
        packed = np.zeros(self.driver.shapes[stage], np.float32)
        packed[0, :, : planes.shape[1], : planes.shape[2]] = planes
        made: Array = self.run(stage, packed)[0]
        return made

    def align(self, planes: Array, numbers: tuple[float, float, float]) -> Array:
        """Means over blocks, float64 [22, B], of planes [14, B, 64] and g, o and s."""
        shape, parts = self.driver.shapes["align"], []
        for start in range(0, planes.shape[1], shape[2]):
            part = planes[:, start : start + shape[2]]
            packed = np.zeros(shape, np.float32)
            packed[0, :14, : part.shape[1]] = part
            packed[0, 14, 0, :3] = numbers
            parts.append(self.run("align", packed)[0, :, : part.shape[1], 0])
        return np.concatenate(parts, 1).astype(np.float64)

    def search(self, own: Array, frame: Array, k: tuple[float, float], reach: int) -> Array:
        """C and B at whole shifts up to ``reach``, float64 [2, 2·reach_y + 1, 2·reach_x + 1].

        ``own`` and ``frame`` are h of both, [h, w], k by what they are compressed. A file takes D
        shifts up and down, D to the side, and lines of L pixels: further shifts are further calls
        with the frame moved, and a level is cut into pieces of whole rows.
        """
        (_, channels, _, columns), (height, width) = self.driver.shapes["search"], own.shape
        shifts = channels - 3
        gap = shifts - 1
        piece_w = min(width, columns - 2 * gap)
        piece_h = (columns - gap) // (piece_w + gap)
        reach_y, reach_x = min(reach, height - 1), min(reach, width - 1)
        # Beyond the frame there is nothing, as far as any call may look.
        far = reach + 2 * shifts
        beyond = np.pad(frame, far)
        sums = np.zeros((2, 2 * reach_y + shifts, 2 * reach_x + shifts))
        for y in range(0, 2 * reach_y + 1, shifts):
            for x in range(0, 2 * reach_x + 1, shifts):
                moved = beyond[far + y - reach_y :, far + x - reach_x :]
                for top in range(0, height, piece_h):
                    for left in range(0, width, piece_w):
                        piece = own[top : top + piece_h, left : left + piece_w]
                        packed = self._lines(piece, moved[top:, left:], piece_w + gap)
                        packed[0, 2, 0, :2] = k
                        found = self.run("search", packed).reshape(2, shifts, shifts)
                        sums[:, y : y + shifts, x : x + shifts] += found
        # Means over L become means over the line that the level is as a whole.
        sums *= (columns - gap) / (height * (width + 2 * reach_x))
        return sums[:, : 2 * reach_y + 1, : 2 * reach_x + 1]

    def _lines(self, own: Array, frame: Array, step: int) -> Array:
        """Input of ``search`` for a piece [h, w]; its rows begin ``step`` pixels apart."""
        packed = np.zeros(self.driver.shapes["search"], np.float32)
        (height, width), shifts = own.shape, packed.shape[1] - 3
        for row in range(height):
            start = row * step
            packed[0, 0, 0, start : start + width] = own[row]
            packed[0, 1, 0, start : start + width] = 1
            for down in range(shifts):
                shown = frame[row + down, : width + shifts - 1]
                packed[0, 3 + down, 0, start : start + len(shown)] = shown
        return packed
