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


@dataclass(frozen=True)
class Driver:
    """What a driver knows of the files and of the contract, as ``driver.json`` has it."""

    scale: int
    shapes: Mapping[str, tuple[int, ...]]  # by stage, of its input
    decoded_px: int  # most rows and columns that ``decode`` makes, in pixels of a frame
    network_halo_px: int  # margin that the network consumes, likewise
    learned_std: float  # most noise that ``blend`` is told
    constants: Mapping[str, SimpleNamespace]  # of the tables of the contract, by module

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Driver:
        """Take it from what the JSON file holds."""
        shapes = {stage: tuple(shape) for stage, shape in record["shapes"].items()}
        constants: dict[str, SimpleNamespace] = {}
        for name, value in record["constants"].items():
            module, _, constant = name.rpartition(".")
            setattr(constants.setdefault(module, SimpleNamespace()), constant, value)
        return cls(**{**record, "shapes": shapes, "constants": constants})


@dataclass(frozen=True)
class Stages:
    """The stages behind pictures of any size."""

    driver: Driver
    run: Run

    def table(self, module: str) -> SimpleNamespace:
        """Constants of one module of the contract, such as ``burst.noise.gauge``."""
        return self.driver.constants[module]

    def halo_px(self, stage: str) -> int:
        """Margin that a stage on pictures consumes, in pixels of its input."""
        levels = self.table("registration.stages.levels")
        halos = {
            "smooth": levels.SMOOTH_HALO_PX,
            "halve": levels.HALVE_HALO_PX,
            "surround": levels.SURROUND_HALO_PX,
            "expand": self.table("registration.stages.expand").HALO_PX,
            "score": self.table("burst.stages.score").HALO_PX,
        }
        return int(halos[stage])

    def whole(self, stage: str, picture: Array) -> Array:
        """``smooth``, ``surround`` or ``halve`` a picture [h, w]; the latter drops odd rests."""
        height, width = picture.shape
        shrink = 2 if stage == "halve" else 1
        even = picture[: height // shrink * shrink, : width // shrink * shrink]
        padded = np.pad(even, self.halo_px(stage), mode="edge")[None]
        return np.asarray(self.tiled(stage, padded, shrink)[0])

    def tiled(self, stage: str, planes: Array, shrink: int = 1) -> Array:
        """Cover planes [C, h, w], margin included, with tiles of a stage.

        Returns [C′, ⌈(h − 2·halo)/shrink⌉, ⌈(w − 2·halo)/shrink⌉]. Tiles that stick out hold zeros,
        which reach nothing that is returned.
        """
        margin, sides = 2 * self.halo_px(stage), self.driver.shapes[stage][2:]

        def tile(top: int, left: int) -> Array:
            crop = planes[:, top : top + sides[0], left : left + sides[1]]
            down, right = (math.ceil((side - margin) / shrink) for side in crop.shape[1:])
            return self.padded(stage, crop)[:, :down, :right]

        sizes = zip(planes.shape[1:], sides, strict=True)
        tops, lefts = (range(0, size - margin, side - margin) for size, side in sizes)
        return np.block([[tile(top, left) for left in lefts] for top in tops])

    def padded(self, stage: str, planes: Array) -> Array:
        """Run a stage on planes [C, h, w] no larger than its input, with zeros for what lacks."""
        packed = np.zeros(self.driver.shapes[stage], np.float32)
        packed[0, :, : planes.shape[1], : planes.shape[2]] = planes
        return np.asarray(self.run(stage, packed)[0])

    def align(self, planes: Array, numbers: tuple[float, float, float]) -> Array:
        """Means over blocks, float64 [22, B], of planes [14, B, 64] and g, o and s."""
        count, parts = self.driver.shapes["align"][2], []
        for start in range(0, planes.shape[1], count):
            part = planes[:, start : start + count]
            packed = np.zeros((15, *part.shape[1:]), np.float32)
            packed[:14], packed[14, 0, :3] = part, numbers
            parts.append(self.padded("align", packed)[:, : part.shape[1], 0])
        return np.concatenate(parts, 1).astype(np.float64)

    def search(self, own: Array, frame: Array, k: tuple[float, float], reach: int) -> Array:
        """C and B at whole shifts up to ``reach``, float64 [2, 2·reach_y + 1, 2·reach_x + 1].

        ``own`` and ``frame`` are h of both, [h, w], k by what they are compressed. Both are lines,
        the frame's one for each shift up and down, of which a file takes D and D to the side.
        """
        (_, channels, _, columns), (height, width) = self.driver.shapes["search"], own.shape
        shifts, length = channels - 3, columns - channels + 4
        reach_y, reach_x = min(reach, height - 1), min(reach, width - 1)
        beside = np.pad(own, ((0, 0), (0, 2 * reach_x))).ravel()
        shown = np.pad(np.ones_like(own), ((0, 0), (0, 2 * reach_x))).ravel()
        lines = np.pad(frame, ((reach_y, reach_y), (reach_x, reach_x))).ravel()
        sums = np.zeros((2, 2 * reach_y + shifts, 2 * reach_x + shifts))
        for first in range(0, len(beside), length):
            for y in range(0, 2 * reach_y + 1, shifts):
                for x in range(0, 2 * reach_x + 1, shifts):
                    packed = np.zeros((channels, 1, columns), np.float32)
                    for channel, line in enumerate((beside, shown)):
                        part = line[first : first + length]
                        packed[channel, 0, : len(part)] = part
                    packed[2, 0, :2] = k
                    for down in range(shifts):
                        start = (y + down) * (width + 2 * reach_x) + x + first
                        part = lines[start : start + columns]
                        packed[3 + down, 0, : len(part)] = part
                    found = self.padded("search", packed).reshape(2, shifts, shifts)
                    sums[:, y : y + shifts, x : x + shifts] += found
        # Means over a file's line become means over the level's.
        return sums[:, : 2 * reach_y + 1, : 2 * reach_x + 1] * (length / len(beside))
