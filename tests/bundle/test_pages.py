"""The pages on bundles say what the code does."""

from __future__ import annotations

import json
from pathlib import Path

from edge_sdk.bundle.building import GATES_DB
from edge_sdk.bundle.burst_checks import EXACT_DB, EXACT_PX, PICTURE_GATES_DB, ROUNDED_PX
from edge_sdk.bundle.burst_frames import golden_bursts
from edge_sdk.bundle.schema import manifest_schema
from edge_sdk.devices import profile_names
from tests.builders.bundle_corpus import cases

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "bundle.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "guide" / "bundles.md").read_text(encoding="utf-8")


def test_the_schema_is_the_one_that_is_printed() -> None:
    schema = json.loads((DOCS / "reference" / "bundle.schema.json").read_text(encoding="utf-8"))
    assert schema == manifest_schema()


def test_every_kind_of_refusal_is_in_the_table() -> None:
    for kind in {case.kind for case in cases()} - {""}:
        assert f"`{kind}`" in PAGE.split("\n## Names")[0]


def test_gates_and_profiles() -> None:
    assert GATES_DB == {"fp32": 80, "fp16": 40, "w8": 40, "palette": 25, "int8": 30}
    assert "80 dB in fp32, 40 in fp16 and w8, 30 in int8" in PAGE
    assert PICTURE_GATES_DB["fp32"] == EXACT_DB == 80
    assert f"to {EXACT_PX:g} px where that is {EXACT_DB} dB, else to {ROUNDED_PX:g} px" in PAGE
    for name in profile_names():
        assert f"`{name}`" in GUIDE


def test_golden_bursts_are_drawn_as_the_page_says() -> None:
    """The first pixel of the first frame again, by Python's integers and the page's formulas."""

    def hashed(s: int, i: int, j: int) -> int:
        h = (s * 0x9E3779B1 + i * 0x85EBCA77 + j * 0xC2B2AE3D) % 2**32
        for odd in (0x2C1B3C6D, 0x297A2D39):
            h = (h ^ h >> 15) * odd % 2**32
        return h ^ h >> 15

    def layer(seed: int, c: int, low: int, high: int, row: int, column: int) -> int:
        i, y, j, x = row // c, row % c, column // c, column % c
        a, b, d, e = (hashed(seed, i + k, j + m) >> 16 for k in (0, 1) for m in (0, 1))
        v = ((c - y) * ((c - x) * a + x * b) + y * ((c - x) * d + x * e)) // c**2
        return low + (v * (high - low) >> 16)

    burst = golden_bursts()[0]
    drawn = burst.drawn()
    rows, columns = 4 * burst.height + 64, 4 * burst.width + 64

    def scene(row: int, column: int, color: int) -> int:
        value = layer(1 + color, 64, 8192, 57344, row, column)
        for t in range(40):
            h = [hashed(0, t, k) for k in range(7)]
            top, left = h[0] % rows, h[1] % columns
            inside = 0 <= row - top < 16 + h[2] % 96 and 0 <= column - left < 16 + h[3] % 128
            value = h[4 + color] % 2**16 if inside else value
        return value

    for index, frame in enumerate(burst.frames):
        for row, column, color in ((0, 0, 0), (50, 70, 1), (95, 127, 2)):
            first_row, first_column = 4 * row + 32 - frame.down, 4 * column + 32 - frame.right
            total = sum(
                scene(first_row + y, first_column + x, color) for y in range(4) for x in range(4)
            )
            value = total // 16 * frame.gain // 256
            reach = frame.levels * 65536 // 65280
            value += layer(1000 + 3 * frame.noise + color, 1, -reach, reach, row, column)
            level = (value * 255 + 32768) // 65536
            assert drawn[index, row, column, color] == max(0, min(255, level))
