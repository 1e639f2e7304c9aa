"""Stages of alignment by themselves: what they compute, and that tiles add up."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.alignment.levels import COARSEST_PX, levels_of
from edge_sdk.registration.stages.align import BLOCK_POINTS, SUMS, Align, PackedAlign
from edge_sdk.registration.stages.expand import POWERS, REACH_PX, SCALE, Expand, farrow_kernels
from edge_sdk.registration.stages.levels import Halve, Smooth, Surround
from edge_sdk.registration.stages.search import FLAT, PackedSearch, Search
from edge_sdk.registration.stages.stage_set import AlignStages
from tests.examples import examples
from tests.tolerances import SINGLE

BLOCKS = 12
rests = st.floats(-0.55, 0.55)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(side: int) -> tuple[Tensor, Tensor]:
    at = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
    return at[None, :].expand(side, side), at[:, None].expand(side, side)


def looked_up(coefficients: Tensor, x: float, y: float) -> Tensor:
    """The polynomials of all pixels at an offset from them."""
    weights = torch.tensor([x**i * y**j for i, j in POWERS])
    return (coefficients * weights[:, None, None]).sum(1) / SCALE + 0.5


@examples(20)
@given(rests, rests)
def test_planes_and_parabolas_are_expanded_exactly(dx: float, dy: float) -> None:
    x, y = grid(14)

    def scene(x: Tensor, y: Tensor) -> Tensor:
        return 0.4 + 0.02 * x - 0.03 * y + 0.003 * x * x - 0.002 * x * y + 0.001 * y * y

    found = looked_up(Expand()(scene(x, y)[None, None]), dx, dy)
    inner = (slice(2, -2), slice(2, -2))
    torch.testing.assert_close(found[0], scene(x + dx, y + dy)[inner], **SINGLE)


def test_what_a_photograph_holds_is_read_between_its_pixels() -> None:
    # After a blur of 1.1 px little is left of waves shorter than 4 px.
    x, y = grid(24)
    for turn, bound in ((0.3, 2e-4), (0.8, 3e-3), (1.5, 5e-2)):
        scene = 0.5 + 0.4 * torch.sin(turn * (0.8 * x + 0.6 * y))
        coefficients = Expand()(scene[None, None])
        for dx, dy in ((0.5, 0.0), (-0.5, 0.5), (0.25, -0.4)):
            true = 0.5 + 0.4 * torch.sin(turn * (0.8 * (x + dx) + 0.6 * (y + dy)))
            error = (looked_up(coefficients, dx, dy)[0] - true[2:-2, 2:-2]).abs().max()
            assert float(error) < bound


def test_the_kernels_are_near_those_of_taylor() -> None:
    kernels = farrow_kernels(REACH_PX)
    assert kernels.fourth_0 == pytest.approx(0.0, abs=0.01)
    assert kernels.third_1 == pytest.approx(-1 / 6, abs=0.1)
    assert kernels.fourth_2 == pytest.approx(-1 / 24, abs=0.01)
    assert kernels.third_3 == pytest.approx(1 / 6, abs=0.1)


def test_levels_are_plain_blurs_and_means_within_their_margins() -> None:
    luma = torch.rand(2, 1, 68, 84, generator=seeded(0))
    smooth = gaussian_blur(luma, 1.0)
    torch.testing.assert_close(Smooth()(luma), smooth[..., 3:-3, 3:-3], **SINGLE)
    halved = gaussian_blur(torch.nn.functional.avg_pool2d(luma, 2), 0.5)
    torch.testing.assert_close(Halve()(luma), halved[..., 2:-2, 2:-2], **SINGLE)
    around = (luma - gaussian_blur(luma, 2.0))[..., 6:-6, 6:-6]
    torch.testing.assert_close(Surround()(luma), around, **SINGLE)


@given(st.integers(32, 150), st.integers(32, 150))
def test_levels_halve_until_the_smallest(height: int, width: int) -> None:
    levels = levels_of(torch.rand(1, 1, height, width, generator=seeded(1)), AlignStages())
    for finer, coarser in itertools.pairwise(levels):
        assert coarser.shape[-2:] == (finer.shape[-2] // 2, finer.shape[-1] // 2)
    assert COARSEST_PX <= min(levels[-1].shape[-2:]) < 2 * COARSEST_PX


def test_halving_keeps_brightness_and_ramps() -> None:
    ramp = torch.arange(64.0).expand(1, 1, 48, 64) / 64
    expected = (torch.arange(32.0) * 2 + 0.5) / 64
    torch.testing.assert_close(Halve()(ramp)[0, 0, 5], expected[2:-2])


def drawn(seed: int, count: int = 1) -> dict[str, Tensor]:
    """Inputs of stage ``align`` as they may be, of ``count`` frames."""
    generator = seeded(seed)
    reference = gaussian_blur(torch.rand(1, 1, 12, 68, generator=generator), 1.0)
    coefficients = Expand()(reference)
    blocks = coefficients.reshape(1, len(POWERS), 8, BLOCK_POINTS)
    size = (count, 1, 8, BLOCK_POINTS)
    return {
        "coefficients": blocks,
        "sample": torch.rand(size, generator=generator) * 0.3 + 0.3,
        "offset": torch.rand((count, 2, 8, BLOCK_POINTS), generator=generator) - 0.5,
        "mask": (torch.rand(size, generator=generator) > 0.2).float(),
        "numbers": torch.tensor([0.9, 0.03, 0.05 * SCALE]).expand(count, 1, 1, 3),
    }


def part(given: dict[str, Tensor], blocks: slice) -> Tensor:
    cut = {name: x if name == "numbers" else x[:, :, blocks] for name, x in given.items()}
    found: Tensor = Align()(**cut)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_one_picture_in_four_tiles_gives_the_sums_of_one(seed: int) -> None:
    inputs = drawn(seed)
    whole = Align()(**inputs)
    assert whole.shape == (1, SUMS, 8, 1)
    tiles = [part(inputs, slice(start, start + 2)) for start in range(0, 8, 2)]
    torch.testing.assert_close(sum(x.sum(2) for x in tiles), whole.sum(2), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(torch.cat(tiles, 2), whole, rtol=1e-6, atol=1e-6)


def test_frames_are_summed_each_for_itself() -> None:
    inputs = drawn(0, count=3)
    together = Align()(**inputs)
    for index in range(3):
        alone = {
            name: x if name == "coefficients" else x[index : index + 1]
            for name, x in inputs.items()
        }
        torch.testing.assert_close(Align()(**alone), together[index : index + 1], **SINGLE)


def test_what_is_masked_counts_for_nothing() -> None:
    inputs = drawn(1)
    spoiled = torch.where(inputs["mask"] > 0, inputs["sample"], torch.tensor(77.0))
    torch.testing.assert_close(
        Align()(**{**inputs, "sample": spoiled}), Align()(**inputs), **SINGLE
    )
    none = Align()(**{**inputs, "mask": torch.zeros_like(inputs["mask"])})
    assert float(none.abs().max()) == 0.0
    twice = Align()(**{**inputs, "mask": 2 * inputs["mask"]})
    torch.testing.assert_close(twice, 2 * Align()(**inputs), rtol=1e-6, atol=1e-6)


@given(st.floats(0.2, 3.0), st.floats(-0.3, 0.3))
def test_gain_and_offset_explain_a_frame_of_other_light(gain: float, offset: float) -> None:
    inputs = drawn(2)
    weights = torch.stack(
        [inputs["offset"][:, 0] ** i * inputs["offset"][:, 1] ** j for i, j in POWERS], 1
    )
    value = (inputs["coefficients"] * weights).sum(1, keepdim=True) / SCALE
    lit = {
        **inputs,
        "sample": 0.5 + offset + gain * value,
        "numbers": torch.tensor([gain, offset, 0.01 * SCALE]).view(1, 1, 1, 3),
    }
    sums = Align()(**lit)
    assert float(sums[:, 20].max()) < 1e-6 * SCALE**2
    torch.testing.assert_close(sums[:, 21, :, 0], inputs["mask"].mean(-1)[:, 0], **SINGLE)


def test_an_outlier_has_no_weight() -> None:
    inputs = drawn(3)
    far = inputs["sample"].clone()
    far[..., 7] += 5.0
    masked = inputs["mask"].clone()
    masked[..., 7] = 0.0
    found = Align()(**{**inputs, "sample": far})[:, :20]
    torch.testing.assert_close(found, Align()(**{**inputs, "mask": masked})[:, :20], **SINGLE)


def test_the_packed_stage_is_the_stage() -> None:
    inputs = drawn(4)
    numbers = torch.zeros_like(inputs["mask"])
    numbers[..., :1, :3] = inputs["numbers"]
    order = ("coefficients", "sample", "offset", "mask")
    packed = torch.cat([*(inputs[name] for name in order), numbers], 1)
    torch.testing.assert_close(PackedAlign()(packed), Align()(**inputs), **SINGLE)


HEIGHT, WIDTH, REACH = 12, 20, 4


def lined(picture: Tensor) -> Tensor:
    return torch.nn.functional.pad(picture, (0, 2 * REACH)).view(1, 1, 1, -1)


def rows_of(picture: Tensor, first: int, count: int) -> Tensor:
    """Lines of rows ``first`` to ``first + count`` of a picture, by shift up and down."""
    x = REACH
    around = torch.nn.functional.pad(picture, (x, x, x, x))[0, 0]
    lines = [
        around[first + shift : first + shift + count].reshape(-1) for shift in range(2 * x + 1)
    ]
    return torch.nn.functional.pad(torch.stack(lines), (0, 2 * x))[None, :, None]


def searched(reference: Tensor, frame: Tensor, first: int = 0, count: int = HEIGHT) -> Tensor:
    own = lined(reference[..., first : first + count, :])
    shown = lined(torch.ones(1, 1, count, WIDTH))
    numbers = torch.tensor([0.2, 0.3]).view(1, 1, 1, 2)
    found: Tensor = Search(REACH)(own, shown, rows_of(frame, first, count), numbers)
    return found


def test_products_of_contrast_at_every_shift() -> None:
    reference, frame = torch.randn(2, 1, 1, HEIGHT, WIDTH, generator=seeded(5))
    found = searched(reference, frame)
    shifts = 2 * REACH + 1
    assert found.shape == (1, 2 * shifts, 1, shifts)
    cross, own = found[0, :, 0].view(2, shifts, shifts) * HEIGHT * (WIDTH + 2 * REACH)
    left = reference / (reference.abs() + 0.2 + FLAT)
    right = frame / (frame.abs() + 0.3 + FLAT)
    around = torch.nn.functional.pad(right, (REACH,) * 4)
    for y, x in ((0, 0), (4, 4), (1, 7), (8, 3)):
        moved = around[..., y : y + HEIGHT, x : x + WIDTH]
        torch.testing.assert_close(cross[y, x], (left * moved).sum(), rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(own[y, x], moved.square().sum(), rtol=1e-4, atol=1e-3)


def test_tiles_of_a_search_add_up() -> None:
    reference, frame = torch.randn(2, 1, 1, HEIGHT, WIDTH, generator=seeded(6))
    tiles = [searched(reference, frame, first, 3) for first in range(0, HEIGHT, 3)]
    mean = torch.stack(tiles).mean(0)
    torch.testing.assert_close(mean, searched(reference, frame), **SINGLE)


def test_the_packed_search_is_the_search() -> None:
    reference, frame = torch.randn(2, 1, 1, HEIGHT, WIDTH, generator=seeded(7))
    zeros = (0, 2 * REACH)
    line, shown = lined(reference), lined(torch.ones(1, 1, HEIGHT, WIDTH))
    lines = [torch.nn.functional.pad(x, zeros) for x in (line, shown, torch.zeros_like(line))]
    lines[2][..., :2] = torch.tensor([0.2, 0.3])
    packed = torch.cat((*lines, rows_of(frame, 0, HEIGHT)), 1)
    found = PackedSearch(REACH)(packed)
    torch.testing.assert_close(found, searched(reference, frame), **SINGLE)
