"""Every step of degrading: its bounds, and what it does and leaves as it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.data.degradation.grids import ENLARGEMENTS, enlarged, reduced
from edge_sdk.data.degradation.step import STEPS
from edge_sdk.data.degradation.steps.downsample import Downsample, DownsampleRange
from edge_sdk.data.degradation.steps.gaussian_blur import (
    GaussianBlur,
    GaussianBlurRange,
    gaussian_weights,
    std_of_side,
)
from edge_sdk.data.degradation.steps.gaussian_noise import GaussianNoise
from edge_sdk.data.degradation.steps.jpeg import Jpeg, JpegRange
from edge_sdk.data.degradation.steps.motion_blur import MotionBlur, MotionBlurRange, motion_psf
from edge_sdk.data.degradation.steps.poisson_noise import PoissonNoise
from edge_sdk.data.degradation.steps.salt_and_pepper import SaltAndPepper
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import psnr
from tests.examples import examples
from tests.needs import needs

DOCUMENT = [
    ("gaussian-blur", "side_px", (3, 13)),
    ("motion-blur", "length_px", (0, 12)),
    ("motion-blur", "angle_deg", (0, 90)),
    ("downsample", "factor", (1, 4)),
    ("jpeg", "quality", (50, 100)),
]
BOUNDS = [
    ("gaussian-blur", "side_px", 1, 63),
    ("motion-blur", "length_px", 0, 64),
    ("motion-blur", "angle_deg", 0, 180),
    ("downsample", "factor", 1, 16),
    ("gaussian-noise", "mean_levels", -255, 255),
    ("gaussian-noise", "std_levels", 0, 255),
    ("poisson-noise", "white_count", 1, 1_000_000),
    ("salt-and-pepper", "signal_share", 0, 1),
    ("jpeg", "quality", 1, 100),
]


def ranges(step: str, **values: Any) -> Any:
    return STEPS.find(step).ranges(**values)


def random_picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("step", "field", "bounds"), DOCUMENT)
def test_defaults_are_the_ranges_of_the_document(
    step: str, field: str, bounds: tuple[float, float]
) -> None:
    assert getattr(ranges(step), field) == bounds


@pytest.mark.parametrize(("step", "field", "least", "greatest"), BOUNDS)
def test_bounds_are_taken_and_what_lies_beyond_is_refused(
    step: str, field: str, least: int, greatest: int
) -> None:
    ranges(step, **{field: (least, greatest)})
    nan = float("nan")
    beyond = ((least - 1, greatest), (least, greatest + 1), (greatest, least), (nan, greatest))
    for bounds in beyond:
        with pytest.raises(InputError, match=f"{field} .*: give two numbers in order, "):
            ranges(step, **{field: bounds})


@pytest.mark.parametrize(("step", "field"), [(step, field) for step, field, *_ in BOUNDS])
def test_what_is_drawn_fills_its_range_and_does_not_leave_it(step: str, field: str) -> None:
    drawn_from = ranges(step)
    low, high = getattr(drawn_from, field)
    generator = np.random.default_rng(0)
    drawn = [getattr(drawn_from.draw(generator), field) for _ in range(400)]
    assert low <= min(drawn) <= max(drawn) <= high
    assert max(drawn) - min(drawn) > 0.9 * (high - low)


def test_kernels_are_odd_and_each_is_drawn() -> None:
    generator = np.random.default_rng(0)
    drawn = {GaussianBlurRange().draw(generator).side_px for _ in range(200)}
    assert drawn == {3, 5, 7, 9, 11, 13}
    with pytest.raises(InputError, match="give odd numbers"):
        GaussianBlurRange((4, 13))


def test_ends_of_whole_ranges_are_drawn() -> None:
    generator = np.random.default_rng(0)
    assert {JpegRange((60, 62)).draw(generator).quality for _ in range(60)} == {60, 61, 62}


def test_enlargements_and_antialiasing_are_drawn() -> None:
    generator = np.random.default_rng(0)
    drawn = [DownsampleRange().draw(generator) for _ in range(200)]
    assert {each.enlargement for each in drawn} == set(ENLARGEMENTS)
    assert 70 < sum(each.antialiased for each in drawn) < 130
    for values, reason in (
        ({"enlargements": ("lanczos",)}, "unknown 'lanczos'"),
        ({"enlargements": ()}, "none given"),
        ({"antialias_share": 1.5}, "antialias_share 1.5"),
    ):
        with pytest.raises(InputError, match=reason):
            ranges("downsample", **values)


@given(st.floats(0, 64), st.floats(0, 180))
@examples(60)
def test_a_psf_sums_to_one_and_is_centered(length: float, angle: float) -> None:
    psf = motion_psf(length, angle)
    assert psf.min() >= 0
    assert psf.sum() == pytest.approx(1, abs=1e-9)
    assert np.allclose(psf, psf[::-1, ::-1], atol=1e-9)


@given(st.floats(1.5, 40), st.floats(0, 90))
@examples(60)
def test_a_psf_is_a_line_of_density_one_over_its_length(length: float, angle: float) -> None:
    psf = motion_psf(length, angle)
    rows, columns = np.nonzero(psf > 1e-12)
    rows, columns = rows - len(psf) // 2, columns - len(psf) // 2
    radians = math.radians(angle)
    # No pixel holds more of the line than its diagonal, and none lies beside it.
    assert psf.max() <= math.sqrt(2) / length + 1e-9
    across = np.abs(rows * math.cos(radians) - columns * math.sin(radians))
    along = np.abs(rows * math.sin(radians) + columns * math.cos(radians))
    assert across.max() <= math.sqrt(0.5) + 1e-9
    assert length / 2 - math.sqrt(0.5) - 1e-9 <= along.max() <= length / 2 + math.sqrt(0.5)


@pytest.mark.parametrize("length", [3, 5, 11])
def test_a_level_psf_is_one_over_its_length_and_an_upright_one_its_transpose(length: int) -> None:
    level = motion_psf(length, 0)
    middle = np.full(length, 1 / length)
    assert level[length // 2] == pytest.approx(middle)
    assert np.delete(level, length // 2, axis=0).max() == 0
    assert motion_psf(length, 90) == pytest.approx(level.T)
    diagonal = motion_psf(length, 45)
    assert diagonal.diagonal().sum() == pytest.approx(1)


@pytest.mark.parametrize("length", [0.0, 0.4, 1.0])
def test_a_motion_of_up_to_a_pixel_blurs_nothing(length: float) -> None:
    clean = random_picture(9, 11)
    assert torch.equal(MotionBlur(length, 30.0).applied(clean), clean)


@pytest.mark.parametrize("side", [3, 7, 13])
def test_a_dot_becomes_the_kernel(side: int) -> None:
    dot = torch.zeros(3, 31, 31)
    dot[:, 15, 15] = 1
    blurred = GaussianBlur(side, std_of_side(side)).applied(dot)[0].double()
    reach = side // 2
    away = torch.arange(-reach, reach + 1, dtype=torch.float64)
    std = 0.3 * ((side - 1) / 2 - 1) + 0.8
    formula = torch.exp(-(away[:, None] ** 2 + away**2) / (2 * std**2)) / (2 * math.pi * std**2)
    inner = slice(15 - reach, 16 + reach)
    assert torch.allclose(blurred[inner, inner], formula / formula.sum(), atol=1e-7)
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-6)
    assert float(gaussian_weights(side, std).sum()) == pytest.approx(1)
    psf = motion_psf(7.3, 25)
    moved = MotionBlur(7.3, 25).applied(dot)[0].numpy()
    half = len(psf) // 2
    assert moved[15 - half : 16 + half, 15 - half : 16 + half] == pytest.approx(psf, abs=1e-6)


STILL = [
    *[GaussianBlur(side, std_of_side(side)) for side in (3, 13)],
    *[MotionBlur(length, 33.0) for length in (2.5, 12.0)],
    *[
        Downsample(factor, antialiased, enlargement)
        for factor in (1.0, 1.37, 2.0, 3.3, 4.0)
        for antialiased in (False, True)
        for enlargement in ENLARGEMENTS
    ],
]


@pytest.mark.parametrize("step", STILL, ids=str)
def test_blur_and_fewer_pixels_leave_a_constant_picture(step: Any) -> None:
    constant = torch.tensor([0.2, 0.5, 0.9])[:, None, None].expand(3, 23, 30).contiguous()
    assert torch.allclose(step.applied(constant), constant, atol=2e-6)


@pytest.mark.parametrize("step", STILL, ids=str)
def test_blur_and_fewer_pixels_move_nothing_sideways(step: Any) -> None:
    clean = random_picture(23, 30)
    for dims in ([-1], [-2]):
        # A motion leans the other way when it is turned over.
        if isinstance(step, MotionBlur):
            dims = [-2, -1]
        turned = step.applied(clean.flip(dims)).flip(dims)
        assert torch.allclose(turned, step.applied(clean), atol=1e-5)


def centroid(image: torch.Tensor) -> tuple[float, float]:
    """Of brightness, as parts of the height and the width."""
    weights = image.double()
    rows, columns = ((torch.arange(side, dtype=torch.float64) + 0.5) / side for side in image.shape)
    total = weights.sum()
    return (
        float((weights.sum(1) * rows).sum() / total),
        float((weights.sum(0) * columns).sum() / total),
    )


@pytest.mark.parametrize("enlargement", ENLARGEMENTS)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("place", [(5, 6), (7, 4)])
def test_an_enlarged_dot_stays_where_it_was(
    enlargement: str, scale: int, place: tuple[int, int]
) -> None:
    dot = torch.zeros(3, 12, 13)
    dot[:, place[0], place[1]] = 1
    larger = enlarged(dot, (12 * scale, 13 * scale), enlargement)
    assert centroid(larger[0]) == pytest.approx(centroid(dot[0]), abs=1e-6)


@pytest.mark.parametrize("enlargement", ENLARGEMENTS)
@pytest.mark.parametrize("size", [(31, 40), (36, 39), (41, 50), (60, 51)])
def test_a_dot_in_the_middle_stays_there_at_any_scale(
    enlargement: str, size: tuple[int, int]
) -> None:
    dot = torch.zeros(3, 25, 27)
    dot[:, 12, 13] = 1
    larger = enlarged(dot, size, enlargement)
    assert centroid(larger[0]) == pytest.approx((0.5, 0.5), abs=1e-6)


@pytest.mark.parametrize("enlargement", ENLARGEMENTS)
@given(st.integers(21, 80), st.integers(4, 15))
@examples(40)
def test_a_dot_anywhere_moves_by_less_than_a_tenth_of_a_pixel_at_any_scale(
    enlargement: str, width: int, place: int
) -> None:
    """By half a pixel it would, were a block of nearest given to whole pixels."""
    dot = torch.zeros(3, 1, 20)
    dot[:, :, place] = 1
    larger = enlarged(dot, (1, width), enlargement)
    assert abs(centroid(larger[0])[1] * width - (place + 0.5) * width / 20) < 0.1


@pytest.mark.parametrize("enlargement", ENLARGEMENTS)
@pytest.mark.parametrize("antialiased", [False, True])
@given(st.floats(1, 4), st.floats(26, 34), st.floats(26, 34))
@examples(12)
def test_a_soft_dot_stays_where_it_was_there_and_back(
    enlargement: str, antialiased: bool, factor: float, row: float, column: float
) -> None:
    rows, columns = torch.arange(60.0)[:, None], torch.arange(61.0)
    soft = torch.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 4.0**2))
    back = Downsample(factor, antialiased, enlargement).applied(soft.expand(3, 60, 61))[0]
    moved_px = [
        abs(after - before) * side
        for after, before, side in zip(centroid(back), centroid(soft), (60, 61), strict=True)
    ]
    assert max(moved_px) < 0.03


@given(st.floats(1, 16), st.integers(1, 50), st.integers(1, 50))
@examples(40)
def test_a_reduced_picture_has_its_share_of_the_pixels(
    factor: float, height: int, width: int
) -> None:
    small = reduced(random_picture(height, width), factor, antialiased=False)
    assert small.shape[1:] == tuple(max(1, round(side / factor)) for side in (height, width))


def test_antialiasing_takes_fine_detail_away_and_points_fold_it() -> None:
    stripes = torch.zeros(3, 32, 32)
    stripes[..., ::3] = 1
    smooth, folded = (reduced(stripes, 4, antialiased=each) for each in (True, False))
    assert float(smooth.std()) < 0.5 * float(folded.std())


def test_an_unknown_enlargement_is_refused() -> None:
    with pytest.raises(InputError, match="unknown enlargement 'cubic'; give bilinear, bicubic"):
        enlarged(torch.rand(3, 4, 4), (8, 8), "cubic")


GRAY = torch.full((3, 200, 200), 0.4)
COUNT = GRAY.numel()


@pytest.mark.parametrize(("mean", "std"), [(3.0, 10.0), (-4.0, 2.0), (0.0, 15.0)])
def test_gaussian_noise_has_its_mean_and_standard_deviation(mean: float, std: float) -> None:
    noise = (GaussianNoise(mean, std, 7).applied(GRAY) - GRAY) * 255
    assert float(noise.mean()) == pytest.approx(mean, abs=4 * std / COUNT**0.5 + 1e-4)
    assert float(noise.std()) == pytest.approx(std, rel=4 / (2 * COUNT) ** 0.5)


@pytest.mark.parametrize("count", [1.0, 100.0, 2000.0])
def test_poisson_noise_keeps_the_mean_and_has_the_variance_of_counts(count: float) -> None:
    counted = PoissonNoise(count, 7).applied(GRAY)
    std = (0.4 / count) ** 0.5
    assert float(counted.mean()) == pytest.approx(0.4, abs=4 * std / COUNT**0.5)
    assert float(counted.std()) == pytest.approx(std, rel=0.03)
    levels = counted * count
    assert torch.allclose(levels, levels.round(), atol=1e-3)
    assert not PoissonNoise(count, 7).applied(torch.zeros(3, 5, 5)).any()


@pytest.mark.parametrize("share", [0.0, 0.9, 0.97, 1.0])
def test_salt_and_pepper_hit_as_many_pixels_as_the_ratio_leaves(share: float) -> None:
    hit = SaltAndPepper(share, 7).applied(GRAY)
    changed = (hit != GRAY).all(0)
    assert torch.equal(changed, (hit != GRAY).any(0))
    assert int(changed.sum()) == round((1 - share) * 200 * 200)
    values = hit[0][changed]
    assert bool(((values == 0) | (values == 1)).all())
    if len(values):
        assert float(values.mean()) == pytest.approx(0.5, abs=2 / len(values) ** 0.5)


@pytest.mark.parametrize(
    "noise", [lambda seed: GaussianNoise(0.0, 9.0, seed), lambda seed: PoissonNoise(50.0, seed),
              lambda seed: SaltAndPepper(0.9, seed)]
)  # fmt: skip
def test_the_seed_of_a_noise_makes_it(noise: Any) -> None:
    assert torch.equal(noise(1).applied(GRAY), noise(1).applied(GRAY))
    assert not torch.equal(noise(1).applied(GRAY), noise(2).applied(GRAY))


@needs("examples")
def test_jpeg_errs_less_the_higher_its_quality() -> None:
    photo = example_photo("coffee")[:, 100:196, 200:296].contiguous()
    scores = [psnr(Jpeg(quality).applied(photo), photo) for quality in (50, 60, 70, 80, 90, 100)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 5


def test_a_picture_that_no_jpeg_holds_is_refused() -> None:
    with pytest.raises(PictureError, match="65501×1 px is more than the 65500 px of a JPEG"):
        Jpeg(80).applied(torch.zeros(3, 1, 65501))


def test_one_angle_and_length_can_be_given() -> None:
    fixed = MotionBlurRange((5.0, 5.0), (30.0, 30.0)).draw(np.random.default_rng(0))
    assert fixed == MotionBlur(5.0, 30.0)
