from __future__ import annotations

import pytest
import torch

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Panel, comparison_sheet, pick_detail_box
from edge_sdk.imaging.rectangle import Rectangle
from tests.tolerances import HALF_LEVEL


def test_detail_box_finds_the_texture() -> None:
    image = torch.full((3, 120, 160), 0.5)
    image[:, 60:84, 90:114] += 0.2 * torch.randn(3, 24, 24)
    box = pick_detail_box(image, 24)
    assert abs(box.top - 60) <= 1
    assert abs(box.left - 90) <= 1
    assert (box.height, box.width) == (24, 24)


@pytest.mark.parametrize("size", [1, 8, 30])
def test_detail_box_stays_away_from_the_border(size: int) -> None:
    image = torch.zeros(3, 30, 40)
    image[:, :2] = torch.rand(3, 2, 40)
    box = pick_detail_box(image, size)
    margin = min(30 // 8, (30 - size) // 2)
    assert margin <= box.top <= 30 - size - margin


@pytest.mark.parametrize(("count", "side"), [(1, 64), (2, 300), (4, 512), (3, 700)])
def test_panels_stand_apart_and_the_detail_keeps_its_pixels(count: int, side: int) -> None:
    detail = Rectangle(top=20, left=30, height=16, width=16)
    panels = [Panel(f"net {index}", torch.rand(3, side, side)) for index in range(count)]
    sheet = comparison_sheet(panels, detail, panel_px=512)
    column_px = min(512, side)
    magnified = column_px // 16
    background = sheet.pixels[:, 0, 0]
    empty = (sheet.pixels == background[:, None, None]).all(0)
    gaps = empty.all(0).int()
    # One run of empty columns before, between and after the panels.
    assert int((gaps.diff() == 1).sum()) + 1 >= count + 1
    margin = max(8, column_px // 24)
    inset = (column_px - 16 * magnified) // 2
    for index, panel in enumerate(panels):
        left = margin + index * (column_px + margin) + inset
        top = sheet.height - margin - 16 * magnified
        middle = magnified // 2
        shown = sheet.pixels[:, top + middle :: magnified, left + middle :: magnified]
        expected = panel.pixels[:, 20:36, 30:46]
        inside = (slice(None), slice(1, 15), slice(1, 15))
        torch.testing.assert_close(shown[:, :16, :16][inside], expected[inside], **HALF_LEVEL)


def test_captions_that_cannot_be_set_are_refused() -> None:
    pixels = torch.zeros(3, 64, 64)
    with pytest.raises(InputError, match="too long"):
        comparison_sheet(
            [Panel("a caption far too long for its column", pixels)],
            Rectangle(top=0, left=0, height=8, width=8),
        )
    with pytest.raises(InputError, match="font has no"):
        comparison_sheet([Panel("漢", pixels)], Rectangle(top=0, left=0, height=8, width=8))
    assert (
        comparison_sheet(
            [Panel("×4 −1 ·", pixels)], Rectangle(top=0, left=0, height=8, width=8)
        ).width
        == 64 + 16
    )


def test_panels_that_do_not_fit_are_refused() -> None:
    small, large = torch.zeros(3, 64, 64), torch.zeros(3, 64, 65)
    with pytest.raises(InputError, match="at least one panel"):
        comparison_sheet([], Rectangle(top=0, left=0, height=8, width=8))
    with pytest.raises(PictureError, match="'b' is 65×64 px, not 64×64"):
        comparison_sheet(
            [Panel("a", small), Panel("b", large)], Rectangle(top=0, left=0, height=8, width=8)
        )
    with pytest.raises(InputError, match="outside"):
        comparison_sheet([Panel("a", small)], Rectangle(top=60, left=0, height=8, width=8))
    with pytest.raises(InputError, match="exceeds the column"):
        comparison_sheet(
            [Panel("a", small)], Rectangle(top=0, left=0, height=40, width=40), panel_px=32
        )
    with pytest.raises(InputError, match="3, H, W"):
        comparison_sheet([Panel("a", small[:1])], Rectangle(top=0, left=0, height=8, width=8))
    with pytest.raises(InputError, match="outside"):
        comparison_sheet([Panel("a", small)], Rectangle(top=0, left=0, height=0, width=8))
    with pytest.raises(InputError, match="does not fit"):
        pick_detail_box(small, 65)
