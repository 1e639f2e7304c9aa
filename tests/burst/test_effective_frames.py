"""How many frames' worth of samples each place received, and when that is called little."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.burst import EffectiveFrames, ZoomConfig, little_gain, spooling, zoom
from edge_sdk.burst.driver.contributions import Contributions
from edge_sdk.burst.effective_frames import effective_frames
from edge_sdk.burst.result import FrameReport, ZoomResult
from edge_sdk.imaging import resize_bicubic, to_levels
from edge_sdk.imaging.rectangle import Rectangle
from tests.examples import examples

NOISE = 8 / 255
HEIGHT, WIDTH, HIDDEN = 64, 88, 52


def noisy(count: int, seed: int = 0) -> Tensor:
    """A constant picture, and exactly the noise that is given."""
    generator = torch.Generator().manual_seed(seed)
    noise = NOISE * torch.randn(count, 3, HEIGHT, WIDTH, generator=generator)
    return (0.5 + noise).clamp(0, 1)


def partly_hidden(count: int) -> Tensor:
    """Something else from column ``HIDDEN`` on, in all frames but the first."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(3, 8, 11, generator=generator)
    scene = resize_bicubic(coarse, size=(HEIGHT, WIDTH)).clamp(0, 1)
    frames = scene.expand(count, -1, -1, -1).clone()
    for index in range(1, count):
        frames[index, :, :, HIDDEN:] = torch.rand(3, 1, 1, generator=generator)
    noise = NOISE / 4 * torch.randn(frames.shape, generator=generator)
    return (frames + noise).clamp(0, 1)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_frames_that_show_the_same_count_nearly_one_each(count: int) -> None:
    result = zoom(noisy(count), None, ZoomConfig(scale=1, noise_std=NOISE))
    # Of noise alone the agreement takes about a tenth.
    assert 1 + 0.85 * (count - 1) <= result.effective_frames <= count + 1e-6
    assert result.effective.low <= result.effective_frames
    assert tuple(result.effective.places.shape) == (4, 6)


def test_the_mean_is_one_and_the_shares_of_the_others() -> None:
    result = zoom(partly_hidden(4), None, ZoomConfig(scale=1, reference=0, reference_weight=3))
    shares = sum(frame.share for frame in result.frames[1:])
    assert result.effective_frames == pytest.approx(1 + shares, abs=1e-5)


def test_what_only_the_reference_shows_has_one_frame() -> None:
    config = ZoomConfig(scale=1, reference=0, noise_std=NOISE / 4)
    result = zoom(partly_hidden(6), None, config)
    assert all(not frame.note for frame in result.frames)
    assert result.effective_frames == pytest.approx(1 + 5 * HIDDEN / WIDTH, abs=0.7)
    assert result.effective.low == pytest.approx(1, abs=0.05)
    places = result.effective.places
    assert float(places[:, :2].mean()) > 4.5
    assert float(places[:, 4:].mean()) < 1.05


def test_frames_on_disk_give_the_same() -> None:
    frames = to_levels(partly_hidden(4)) / 255
    config = ZoomConfig(scale=1, reference=0)
    whole = zoom(frames, None, config).effective
    with spooling() as spool:
        for frame in frames:
            spool.add(frame, 8)
        read = zoom(spool, None, config).effective
    assert read.mean == whole.mean
    assert read.low == whole.low
    assert torch.equal(read.places, whole.places)


def test_a_crop_has_a_map_of_its_own() -> None:
    crop = Rectangle(left=40, top=8, width=41, height=33)
    config = ZoomConfig(scale=1, reference=0, crop=crop, noise_std=NOISE / 4)
    result = zoom(partly_hidden(4), None, config)
    assert tuple(result.effective.places.shape) == (3, 3)
    assert float(result.effective.places[:, 1:].mean()) < 1.2


@examples(30)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    cuts=st.lists(st.integers(1, 69), max_size=3),
    seed=st.integers(0, 99),
)
def test_the_cut_into_tiles_does_not_matter(
    height: int, width: int, cuts: list[int], seed: int
) -> None:
    trust = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
    region = Rectangle(left=5, top=3, width=width, height=height)
    tiled = Contributions(region, 7, mapped=False)
    ends = sorted({0, width, *(cut for cut in cuts if cut < width)})
    for left, right in pairwise(ends):
        tile = Rectangle(left=5 + left, top=3, width=right - left, height=height)
        part = trust[:, :, left:right]
        # The reference may weigh what it likes.
        own = torch.full_like(part[:1], 1.5)
        tiled.count([7, 1], tile, torch.cat((own, part[:1])))
        tiled.count([4, 2], tile, part[1:])
    found = tiled.effective()
    expected = 1 + trust.double().sum(0)
    assert found.mean == pytest.approx(float(expected.mean()), abs=1e-5)
    assert float(found.places[0, 0]) == pytest.approx(float(expected[:16, :16].mean()), abs=1e-5)
    assert float(found.places[-1, -1]) == pytest.approx(
        float(expected[(height - 1) // 16 * 16 :, (width - 1) // 16 * 16 :].mean()), abs=1e-5
    )


@pytest.mark.parametrize(("hidden", "low"), [(1, 5.0), (2, 1.0), (10, 1.0)])
def test_the_worst_tenth_is_one_of_the_area(hidden: int, low: float) -> None:
    # Ten columns of squares, of which the last is a quarter as wide: a tenth is 14.8 px.
    trust = torch.full((2, 10), 4.0) * torch.tensor([16] * 9 + [4]) * 16
    trust[:, 10 - hidden :] = 0
    assert effective_frames(trust, 32, 148).low == low


def reported(effective: float, *frames: FrameReport) -> ZoomResult:
    alone = zoom(noisy(1), None, ZoomConfig(scale=1))
    return replace(
        alone,
        frames=(*alone.frames, *frames),
        effective=EffectiveFrames(effective, 1.0, torch.ones(4, 6)),
    )


@pytest.fixture(scope="module")
def pair() -> ZoomResult:
    return zoom(partly_hidden(2), None, ZoomConfig(scale=1, reference=0))


def test_enough_frames_are_not_warned_of(pair: ZoomResult) -> None:
    merged = pair.frames[1]
    for effective, count in ((1.0, 1), (1.0, 2), (1.3, 3), (2.1, 4), (3.3, 8)):
        result = reported(effective, *[merged] * (count - 1))
        assert little_gain(result, ZoomConfig()) is None


@pytest.mark.parametrize(("effective", "count"), [(1.1, 3), (1.9, 4), (3.1, 8), (7.9, 20)])
def test_few_are(pair: ZoomResult, effective: float, count: int) -> None:
    share = (effective - 1) / (count - 1)
    result = reported(effective, *[replace(pair.frames[1], share=share)] * (count - 1))
    told = little_gain(result, ZoomConfig())
    assert told is not None
    assert told.startswith(f"only {effective:.1f} of {count} frames were effective: ")
    assert "agree with the reference in few places: much of the scene moved" in told
    given = little_gain(result, ZoomConfig(noise_std=1 / 255))
    assert given is not None
    assert "the noise given" in given


def test_the_reason_is_the_likely_one(pair: ZoomResult) -> None:
    merged = replace(pair.frames[1], share=0.1)
    assert merged.registration is not None

    def out(reason: str) -> FrameReport:
        found = replace(merged.registration, accepted=False, reason=reason)
        return FrameReport(0.1, found, 0.0, reason)

    gone = [out(f"does not match the reference (correlation² 0.0{digit})") for digit in (1, 2)]
    told = little_gain(reported(1.1, merged, *gone, out("no motion could be found")), ZoomConfig())
    assert told is not None
    assert "3 frames are left out (2 of them: does not match the reference (corr" in told
    same = little_gain(reported(1.1, merged, *gone), ZoomConfig())
    assert same is not None
    assert "(all: does not match the reference (correlation² 0.01) or the like);" in same
    same = little_gain(reported(1.1, merged, gone[0], gone[0]), ZoomConfig())
    assert same is not None
    assert "(all: does not match the reference (correlation² 0.01));" in same
    blurry = replace(merged, blurry=True)
    told = little_gain(reported(1.3, merged, blurry, blurry), ZoomConfig())
    assert told is not None
    assert "2 of 3 merged frames are blurry" in told
