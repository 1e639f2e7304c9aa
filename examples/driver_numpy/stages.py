"""The ten stages as files run them: one tensor of a fixed size in and one out, tile by tile."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Run = Callable[[str, np.ndarray], np.ndarray]
"""Runs the stage of a name on its input, float32, and returns its output."""
HALOS_PX = {"smooth": 3, "halve": 4, "surround": 6, "expand": 2, "score": 1}
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

    def table(self, module: str) -> SimpleNamespace:
        """Constants of one module of the contract, such as ``burst.noise.gauge``."""
        start = module + "."
        names = [name for name in self.constants if name.startswith(start)]
        return SimpleNamespace(**{name[len(start) :]: self.constants[name] for name in names})


@dataclass(frozen=True)
class Stages:
    """The stages behind pictures of any size."""

    driver: Driver
    run: Run

    def smooth(self, picture: np.ndarray) -> np.ndarray:
        """The finest level, float32 [h, w], of a plane [h, w]."""
        return self.tiled("smooth", continued(picture, HALOS_PX["smooth"])[None])[0]

    def halve(self, level: np.ndarray) -> np.ndarray:
        """The level above, float32 [⌊h/2⌋, ⌊w/2⌋]; odd rows and columns are dropped."""
        even = level[: level.shape[0] // 2 * 2, : level.shape[1] // 2 * 2]
        return self.tiled("halve", continued(even, HALOS_PX["halve"])[None], shrink=2)[0]

    def surround(self, level: np.ndarray) -> np.ndarray:
        """What a level differs by from its surroundings, float32 [h, w]."""
        return self.tiled("surround", continued(level, HALOS_PX["surround"])[None])[0]

    def tiled(self, stage: str, planes: np.ndarray, shrink: int = 1) -> np.ndarray:
        """Cover planes [C, h, w], margin included, with tiles of a stage.

        Returns [C′, ⌈(h − 2·halo)/shrink⌉, ⌈(w − 2·halo)/shrink⌉]. Tiles that stick out hold zeros,
        which reach nothing that is returned.
        """
        margin, (side_y, side_x) = 2 * HALOS_PX[stage], self.driver.shapes[stage][2:]
        height, width = planes.shape[1] - margin, planes.shape[2] - margin
        rows = []
        for top in range(0, height, side_y - margin):
            row = []
            for left in range(0, width, side_x - margin):
                crop = planes[:, top : top + side_y, left : left + side_x]
                down, right = (math.ceil((side - margin) / shrink) for side in crop.shape[1:])
                row.append(self.padded(stage, crop)[:, :down, :right])
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
        shape, parts = self.driver.shapes["align"], []
        for start in range(0, planes.shape[1], shape[2]):
            part = planes[:, start : start + shape[2]]
            packed = np.zeros(shape, np.float32)
            packed[0, :14, : part.shape[1]] = part
            packed[0, 14, 0, :3] = numbers
            parts.append(self.run("align", packed)[0, :, : part.shape[1], 0])
        return np.concatenate(parts, 1).astype(np.float64)

    def search(self, own: np.ndarray, frame: np.ndarray, k: list[float], reach: int) -> np.ndarray:
        """C and B at all whole shifts, float64 [2, 2·reach_y + 1, 2·reach_x + 1].

        A file takes D shifts up and down, D to the side, and a line of L pixels: further shifts are
        further calls with the frame moved, and a level is cut into pieces of whole rows.

        Args:
            own: h of the reference, float32 [h, w].
            frame: h of the frame.
            k: that of both.
            reach: largest shift; a level is not shifted beyond itself.
        """
        (_, channels, _, columns), (height, width) = self.driver.shapes["search"], own.shape
        shifts = channels - 3
        length = columns - (shifts - 1)
        piece_w = min(width, length - (shifts - 1))
        piece_h = length // (piece_w + shifts - 1)
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
                        packed = self._lines(piece, moved[top:, left:], piece_w + shifts - 1)
                        packed[0, 2, 0, :2] = k
                        found = self.run("search", packed).reshape(2, shifts, shifts)
                        sums[:, y : y + shifts, x : x + shifts] += found
        # Means over L become means over the line that the level is as a whole.
        sums *= length / (height * (width + 2 * reach_x))
        return sums[:, : 2 * reach_y + 1, : 2 * reach_x + 1]

    def _lines(self, own: np.ndarray, frame: np.ndarray, step: int) -> np.ndarray:
        """Input of ``search`` for a piece [h, w]; its rows begin ``step`` pixels apart."""
        packed = np.zeros(self.driver.shapes["search"], np.float32)
        (height, width), shifts = own.shape, packed.shape[1] - 3
        for row in range(height):
            packed[0, 0, 0, row * step : row * step + width] = own[row]
            packed[0, 1, 0, row * step : row * step + width] = 1
            for down in range(shifts):
                shown = frame[row + down, : width + shifts - 1]
                packed[0, 3 + down, 0, row * step : row * step + len(shown)] = shown
        return packed


def continued(picture: np.ndarray, margin: int) -> np.ndarray:
    """A picture [h, w] with a margin of its nearest pixels."""
    return np.pad(picture, margin, mode="edge")
