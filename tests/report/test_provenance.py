"""Which frame made each pixel: by agreement, by nearness, in colors that stay apart."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
import torch
from torch import Tensor

from edge_sdk.burst.effective_frames import reference_alone
from edge_sdk.html.palette import CATEGORIES, OTHERS, REFERENCE
from edge_sdk.imaging import srgb_to_linear
from edge_sdk.registration.field import MotionField
from edge_sdk.registration.motion import EuclideanMotion
from edge_sdk.report.zoom.evidence import FrameEvidence, ZoomEvidence
from edge_sdk.report.zoom.provenance import DETAIL_PX, LARGEST_MAP_PX, provenance

HEIGHT, WIDTH = 48, 64


def frame(x: float, y: float, agreement: Tensor | None) -> FrameEvidence:
    motion = MotionField(EuclideanMotion(x, y, 0.0).matrix, HEIGHT, WIDTH)
    return FrameEvidence("f.png", 0.0, 1.0, motion=motion, agreement=agreement)


def zoomed(*others: FrameEvidence, scale: int = 2, boost: float = 1.5) -> ZoomEvidence:
    return ZoomEvidence(
        "z.png",
        (frame(0, 0, None), *others),
        reference=0,
        forced=False,
        noise_std=0.0,
        seconds={},
        before=torch.zeros(3, HEIGHT, WIDTH),
        after=torch.zeros(3, scale * HEIGHT, scale * WIDTH),
        effective=reference_alone(HEIGHT, WIDTH),
        reference_weight=boost,
    )


EVERYWHERE = torch.ones(HEIGHT, WIDTH)
MIDDLE = (HEIGHT, WIDTH)


def test_a_frame_that_agrees_nowhere_makes_no_pixel() -> None:
    found = provenance(zoomed(frame(0.5, 0, 0 * EVERYWHERE)), MIDDLE)
    assert found.shares == {0: 1.0, 1: 0.0}
    assert bool((found.whole == 0).all())


def test_without_agreement_or_motion_there_is_no_map() -> None:
    assert provenance(zoomed(frame(0.5, 0, None)), MIDDLE) is None
    assert provenance(zoomed(replace(frame(0, 0, EVERYWHERE), motion=None)), MIDDLE) is None
    assert provenance(zoomed(replace(frame(0, 0, EVERYWHERE), note="gone")), MIDDLE) is None


def test_the_nearest_sample_wins() -> None:
    # Result pixels at ×2 lie at ±1/4; a shift of 1/4 puts one column of every two on a sample.
    found = provenance(
        zoomed(frame(0.25, 0.25, EVERYWHERE), frame(-0.25, 0.25, EVERYWHERE)), MIDDLE
    )
    columns = (found.box.left + torch.arange(found.detail.shape[1])) % 2
    rows = (found.box.top + torch.arange(found.detail.shape[0])) % 2
    order = {index: place for place, index in enumerate((0, *found.named))}
    # Position x of a result pixel in frame 1 is x + 1/4: the even columns (x = −1/4) hit a sample.
    even = found.detail[rows == 0][:, columns == 0]
    odd = found.detail[rows == 0][:, columns == 1]
    assert bool((even == order[1]).all())
    assert bool((odd == order[2]).all())


def test_an_area_that_disagrees_is_the_references() -> None:
    agreement = EVERYWHERE.clone()
    agreement[:, : WIDTH // 2] = 0
    found = provenance(zoomed(frame(0.25, 0.25, agreement), boost=1.0), MIDDLE)
    width = found.whole.shape[1]
    assert bool((found.whole[:, : width // 2 - 2] == 0).all())
    right = found.whole[:, width // 2 + 2 :]
    assert 0.2 < float((right == 1).float().mean()) < 0.8


def test_nothing_comes_from_beyond_a_frames_border() -> None:
    found = provenance(zoomed(frame(WIDTH / 2, 0, EVERYWHERE), boost=1.0), MIDDLE)
    width = found.whole.shape[1]
    # The reference's right half lies beyond the frame.
    assert bool((found.whole[:, width // 2 + 1 :] == 0).all())


def test_a_part_of_the_reference_has_the_map_of_that_part() -> None:
    agreement = torch.rand(HEIGHT, WIDTH)
    whole = zoomed(frame(0.25, 0.1, agreement), frame(-0.3, 0.4, 1 - agreement))
    top, left, side = 8, 20, 24
    cut = replace(
        whole,
        before=whole.before[:, top : top + side, left : left + side],
        after=whole.after[:, : 2 * side, : 2 * side],
        corner=(top, left),
        frames=tuple(
            each
            if each.agreement is None
            else replace(
                each, agreement=each.agreement[top : top + side, left : left + side].clone()
            )
            for each in whole.frames
        ),
    )
    all_of_it = provenance(whole, (2 * (top + side // 2), 2 * (left + side // 2)))
    part = provenance(cut, (side, side))
    assert (part.box.top + 2 * top, part.box.left + 2 * left) == (
        all_of_it.box.top,
        all_of_it.box.left,
    )
    by_index = [torch.tensor([0, *found.named])[found.detail] for found in (part, all_of_it)]
    assert torch.equal(by_index[0], by_index[1])


def test_squares_that_reach_beyond_the_picture_keep_their_place() -> None:
    # 48 × 64 px by squares of 5: the last ones stand for 3 and 4 px.
    squares = torch.zeros(10, 13)
    squares[:, 6:] = 1
    found = provenance(zoomed(frame(0.25, 0.25, squares), boost=1.0), MIDDLE)
    seen = (found.whole == 1).any(0).nonzero().flatten() / found.whole.shape[1] * WIDTH
    assert 27 < float(seen.min()) < 31


def test_shares_add_up_and_the_order_of_frames_does_not_matter() -> None:
    maps = torch.rand(12, 6, 8)
    frames = [frame(0.3 * index, -0.2 * index, maps[index]) for index in range(1, 12)]
    found = provenance(zoomed(*frames), MIDDLE)
    turned = provenance(zoomed(*frames[::-1]), MIDDLE)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert len(found.named) == len(CATEGORIES)
    assert int(found.whole.max()) <= len(CATEGORIES) + 1
    for index in range(1, 12):
        assert found.shares[index] == pytest.approx(turned.shares[12 - index], abs=1e-9)


@pytest.mark.parametrize("center", [(0, 0), (10_000, 10_000), MIDDLE])
def test_the_detail_lies_in_the_picture(center: tuple[int, int]) -> None:
    found = provenance(zoomed(frame(0.3, 0, EVERYWHERE), scale=8), center)
    assert found.detail.shape == (DETAIL_PX, DETAIL_PX)
    assert found.box.top + found.box.height <= 8 * HEIGHT
    assert found.box.left + found.box.width <= 8 * WIDTH
    assert max(found.whole.shape) == LARGEST_MAP_PX


# Machado, Oliveira & Fernandes (2009), severity 1, on linear red, green and blue.
DEFICIENCIES = {
    "none": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    "protanopia": (
        *(0.152286, 1.052583, -0.204868),
        *(0.114503, 0.786281, 0.099216),
        *(-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        *(0.367322, 0.860646, -0.227968),
        *(0.280085, 0.672501, 0.047413),
        *(-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        *(1.255528, -0.076749, -0.178779),
        *(-0.078411, 0.930809, 0.147602),
        *(0.004733, 0.691367, 0.303900),
    ),
}


def lab(color: tuple[int, int, int], seen: Tensor) -> Tensor:
    linear = srgb_to_linear(torch.tensor(color, dtype=torch.float32) / 255)
    xyz = torch.tensor(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ) @ (seen @ linear).clamp(0, 1)
    ratio = xyz / torch.tensor([0.9505, 1.0, 1.089])
    f = torch.where(ratio > 0.008856, ratio.clamp(min=1e-9) ** (1 / 3), 7.787 * ratio + 16 / 116)
    return torch.stack((116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])))


@pytest.mark.parametrize("kind", DEFICIENCIES)
def test_colors_stay_apart_for_every_reader(kind: str) -> None:
    colors = (REFERENCE, *CATEGORIES, OTHERS)
    matrix = torch.tensor(DEFICIENCIES[kind]).view(3, 3)
    seen = [lab(color, matrix) for color in colors]
    distances = [float((a - b).norm()) for a, b in combinations(seen, 2)]
    # A difference of 2.3 is just noticeable; 9 is plain between areas that do not touch.
    assert min(distances) > 9
