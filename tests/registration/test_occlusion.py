"""Frames of which a part shows something else, as bright or as dark as it may be."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.registration import EuclideanMotion, motion_error_px, register, transform
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.repetition.gauss_newton import Normals, refine
from edge_sdk.registration.sampling import sample_bicubic
from edge_sdk.registration.template import make_template
from tests.needs import needs
from tests.registration.waves import view

pytestmark = needs("examples")

HEIGHT, WIDTH, MARGIN = 80, 110, 12
NOISE = 8 / 255
CASES = 16
LOST_PX = 1.0

Pair = tuple[Tensor, Tensor, EuclideanMotion, tuple[slice, slice]]


def pairs(share: float) -> list[Pair]:
    """Small frames of a photograph, their true motion, and a square of that share in each."""
    photo = functional.avg_pool2d(rgb_to_ycbcr(example_photo("coffee"))[None, :1], 2)[0]
    generator = torch.Generator().manual_seed(0)
    points = centered_grid(HEIGHT, WIDTH, like=torch.zeros((), dtype=torch.float64)).reshape(-1, 2)
    side = round((share * HEIGHT * WIDTH) ** 0.5)
    found = []
    for _ in range(CASES):
        draws = torch.rand(7, generator=generator, dtype=torch.float64).tolist()
        room = (photo.shape[-2] - HEIGHT - 2 * MARGIN, photo.shape[-1] - WIDTH - 2 * MARGIN)
        top, left = (int(draw * size) for draw, size in zip(draws, room, strict=False))
        scene = photo[:, top : top + HEIGHT + 2 * MARGIN, left : left + WIDTH + 2 * MARGIN]
        motion = EuclideanMotion(8 * draws[2] - 4, 8 * draws[3] - 4, draws[4] - 0.5)
        moved = transform(torch.linalg.inv(motion.matrix), points).float()
        frame = sample_bicubic(scene, moved).reshape(1, HEIGHT, WIDTH)
        reference = scene[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        noise = NOISE * torch.randn(2, 1, HEIGHT, WIDTH, generator=generator)
        above, beside = int(draws[5] * (HEIGHT - side)), int(draws[6] * (WIDTH - side))
        square = (slice(above, above + side), slice(beside, beside + side))
        clipped = [(x + n).clamp(0, 1) for x, n in zip((reference, frame), noise, strict=True)]
        found.append((clipped[0], clipped[1], motion, square))
    return found


def altered(frame: Tensor, square: tuple[slice, slice], what: str) -> Tensor:
    rows, columns = square
    frame = frame.clone()
    part = frame[:, rows, columns]
    shown = {"inverted": 1 - part, "black": 0 * part, "white": 0 * part + 1}
    frame[:, rows, columns] = shown[what]
    return frame


def lost(share: float, what: str) -> int:
    count = 0
    for reference, frame, motion, square in pairs(share):
        (found,) = register(reference, altered(frame, square, what)[None])
        error = motion_error_px(found.matrix, motion.matrix, HEIGHT, WIDTH)
        count += float(error.median()) > LOST_PX
    return count


@pytest.mark.slow
@pytest.mark.parametrize("what", ["inverted", "black", "white"])
def test_a_fifth_of_a_small_frame_may_be_hidden(what: str) -> None:
    # Correlation of the brightness itself lost 9 of 16 so inverted, 6 so black and 13 so white.
    assert lost(0.2, what) <= 1


def test_equal_brightness_is_a_start_where_least_squares_are_not() -> None:
    # What is white takes the gain of all pixels; most of the others have gain 1.
    reference = 0.3 * view()[None] + 0.15
    frame = reference.roll(2, -1)
    frame[..., :55, :] = 1.0
    normals = Normals.of(make_template(reference, 20_000), "euclidean")
    start = torch.eye(3, dtype=torch.float64)[None]
    found = refine(normals, frame, start, iterations=20, tolerance_px=1e-3)
    assert float(found.matrices[0, 0, 2]) == pytest.approx(2.0, abs=0.05)
    assert float(found.matrices[0, 1, 2]) == pytest.approx(0.0, abs=0.05)
