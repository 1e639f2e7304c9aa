"""The ten stages as files run them: one tensor of a fixed size in and one out, tile by tile."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[str, np.ndarray], np.ndarray]
"""Runs the stage of a name on its input, float32, and returns its output."""
SMOOTH_HALO_PX, HALVE_HALO_PX, SURROUND_HALO_PX, EXPAND_HALO_PX, SCORE_HALO_PX = 3, 4, 6, 2, 1
"""Margins that stages consume, in pixels of their input."""


@dataclass(frozen=True)
class Driver:
    """What a driver knows of the files and of the contract, as ``driver.json`` has it.

    Attributes:
        scale: s, enlargement.
        shapes: by stage, the shape of its input.
        decoded_px: most rows and columns that ``decode`` makes, in pixels of a frame.
        network_halo_px: margin that the network consumes, likewise.
        learned_std: most noise that ``blend`` is told.
        constants: by the names of the tables of the contract.
    """

    scale: int
    shapes: Mapping[str, tuple[int, ...]]
    decoded_px: int
    network_halo_px: int
    learned_std: float
    constants: Mapping[str, float]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Driver:
        """Take it from what the JSON file holds."""
        shapes = {stage: tuple(shape) for stage, shape in record["shapes"].items()}
        return cls(**{**record, "shapes": shapes})

    @classmethod
    def read(cls, path: Path) -> Driver:
        """Read ``driver.json``."""
        return cls.of(json.loads(path.read_text(encoding="utf-8")))

    def number(self, name: str) -> float:
        """A constant of the contract, such as ``burst.noise.gauge.TIE``."""
        return self.constants[name]

    def count(self, name: str) -> int:
        """A constant that is a whole number."""
        return int(self.constants[name])


@dataclass(frozen=True)
class Stages:
    """The stages behind pictures of any size."""

    driver: Driver
    run: Run

    def smooth(self, picture: np.ndarray) -> np.ndarray:
        """The finest level, float32 [h, w], of a plane [h, w]."""
        return self.tiled("smooth", continued(picture, SMOOTH_HALO_PX)[None], SMOOTH_HALO_PX)[0]

    def halve(self, level: np.ndarray) -> np.ndarray:
        """The level above, float32 [⌊h/2⌋, ⌊w/2⌋]; odd rows and columns are dropped."""
        height, width = level.shape
        padded = continued(level[: height // 2 * 2, : width // 2 * 2], HALVE_HALO_PX)
        return self.tiled("halve", padded[None], HALVE_HALO_PX, shrink=2)[0]

    def surround(self, level: np.ndarray) -> np.ndarray:
        """What a level differs by from its surroundings, float32 [h, w]."""
        padded = continued(level, SURROUND_HALO_PX)
        return self.tiled("surround", padded[None], SURROUND_HALO_PX)[0]

    def tiled(self, stage: str, planes: np.ndarray, halo: int, shrink: int = 1) -> np.ndarray:
        """Cover planes [C, h, w], margin included, with tiles of a stage.

        Tiles that stick out are filled with zeros, of which the margins keep what is returned free.

        Returns:
            Float32 [C′, ⌈(h − 2·halo)/shrink⌉, ⌈(w − 2·halo)/shrink⌉].
        """
        side_y, side_x = self.driver.shapes[stage][2:]
        step_y, step_x = side_y - 2 * halo, side_x - 2 * halo
        height, width = planes.shape[1] - 2 * halo, planes.shape[2] - 2 * halo
        rows = []
        for top in range(0, height, step_y):
            row = []
            for left in range(0, width, step_x):
                crop = planes[:, top : top + side_y, left : left + side_x]
                made = self.padded(stage, crop)
                bottom = -(-min(step_y, height - top) // shrink)
                right = -(-min(step_x, width - left) // shrink)
                row.append(made[:, :bottom, :right])
            rows.append(np.concatenate(row, 2))
        return np.concatenate(rows, 1)

    def padded(self, stage: str, planes: np.ndarray) -> np.ndarray:
        """Run a stage on planes [C, h, w] no larger than its input, with zeros for what lacks."""
        packed = np.zeros(self.driver.shapes[stage], np.float32)
        packed[0, :, : planes.shape[1], : planes.shape[2]] = planes
        return self.run(stage, packed)[0]

    def align(self, planes: np.ndarray, numbers: tuple[float, float, float]) -> np.ndarray:
        """Gauss–Newton's means over blocks, float64 [22, B].

        Args:
            planes: float32 [14, B, 64]: coefficients 10, frame, offsets 2, mask.
            numbers: gain, offset and S times the spread.
        """
        shape = self.driver.shapes["align"]
        parts = []
        for start in range(0, planes.shape[1], shape[2]):
            part = planes[:, start : start + shape[2]]
            packed = np.zeros(shape, np.float32)
            packed[0, :14, : part.shape[1]] = part
            packed[0, 14, 0, :3] = numbers
            parts.append(self.run("align", packed)[0, :, : part.shape[1], 0])
        return np.concatenate(parts, 1).astype(np.float64)

    def search(
        self, high: tuple[np.ndarray, np.ndarray], bounds: tuple[float, float], reach: int
    ) -> np.ndarray:
        """C and B over all whole shifts, float64 [2, 2·reach_y + 1, 2·reach_x + 1].

        A file takes D rows of shifts and D columns, and lines of L pixels: further shifts are
        further calls on a frame that was moved, and a level is cut into pieces of whole rows.

        Args:
            high: h of the reference and of the frame, float32 [h, w] both.
            bounds: k of both.
            reach: largest shift; a level is not shifted beyond itself.
        """
        reference, frame = high
        (_, channels, _, columns), (height, width) = self.driver.shapes["search"], reference.shape
        shifts = channels - 3
        side = shifts // 2
        length = columns - 2 * side
        piece_w = min(width, length - 2 * side)
        piece_h = length // (piece_w + 2 * side)
        reach_x, reach_y = min(reach, width - 1), min(reach, height - 1)
        # Beyond the frame there is nothing, as far as any call may look.
        away = reach + 2 * shifts
        around = np.pad(frame, away)
        sums = np.zeros((2, 2 * reach_y + shifts, 2 * reach_x + shifts))
        for y in range(0, 2 * reach_y + 1, shifts):
            for x in range(0, 2 * reach_x + 1, shifts):
                for top in range(0, height, piece_h):
                    for left in range(0, width, piece_w):
                        own = reference[top : top + piece_h, left : left + piece_w]
                        first = (top + y - reach_y + away, left + x - reach_x + away)
                        packed = self._lines(own, around, first, piece_w + 2 * side)
                        packed[0, 2, 0, :2] = bounds
                        found = self.run("search", packed)[0, :, 0].astype(np.float64)
                        both = found.reshape(2, shifts, shifts)
                        sums[:, y : y + shifts, x : x + shifts] += both
        # Means over L become means over the line that the level is as a whole.
        sums *= length / (height * (width + 2 * reach_x))
        return sums[:, : 2 * reach_y + 1, : 2 * reach_x + 1]

    def _lines(
        self, own: np.ndarray, around: np.ndarray, first: tuple[int, int], step: int
    ) -> np.ndarray:
        """Input of ``search`` for a piece of the reference, without its numbers.

        ``first`` has row and column of the frame for the first row and column of shifts, ``step``
        is the length of a row with its zeros.
        """
        packed = np.zeros(self.driver.shapes["search"], np.float32)
        shifts = packed.shape[1] - 3
        (height, width), (top, left) = own.shape, first
        for row in range(height):
            packed[0, 0, 0, row * step : row * step + width] = own[row]
            packed[0, 1, 0, row * step : row * step + width] = 1
            for down in range(shifts):
                beside = around[top + row + down, left : left + width + shifts - 1]
                packed[0, 3 + down, 0, row * step : row * step + len(beside)] = beside
        return packed


def continued(picture: np.ndarray, margin: int) -> np.ndarray:
    """A picture [h, w] with a margin of its nearest pixels."""
    return np.pad(picture, margin, mode="edge")
