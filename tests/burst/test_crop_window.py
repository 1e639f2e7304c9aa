from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import TensorSource, ZoomConfig, ZoomResult, preparing, spooling, zoom
from edge_sdk.burst.frames.cropped import CroppedSource
from edge_sdk.burst.preparing import LEAST_PX, MARGIN_PX, MOST_SHARE, window_around
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr, resize_bicubic
from edge_sdk.imaging.rectangle import Rectangle
from tests.needs import needs

pytestmark = needs("examples")

CROP = Rectangle(left=100, top=50, width=48, height=40)
CONFIG = ZoomConfig(crop=CROP)
SMALL = {"MARGIN_PX": 28, "LEAST_PX": 96, "NEEDED_PX": 20}


@functools.cache
def frames() -> Tensor:
    camera = CameraConfig(frames=4, noise_std=4 / 255, max_shift_px=3.0)
    return simulate_burst(example_photo("chelsea"), camera).frames


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows in proportion to frames of 200×130 px."""
    for name, value in SMALL.items():
        monkeypatch.setattr(preparing, name, value)


def whole(burst: Tensor, monkeypatch: pytest.MonkeyPatch) -> ZoomResult:
    with monkeypatch.context() as patched:
        patched.setattr(preparing, "MOST_SHARE", 0.0)
        return zoom(burst, config=CONFIG)


@pytest.mark.parametrize("left", [0, 700, 3000, 3936])
@pytest.mark.parametrize("top", [0, 1500, 2968])
@pytest.mark.parametrize(("width", "height"), [(64, 32), (900, 700)])
def test_a_window_lies_on_the_frames_around_its_region(
    left: int, top: int, width: int, height: int
) -> None:
    region = Rectangle(
        left=min(left, 4000 - width), top=min(top, 3000 - height), width=width, height=height
    )
    window = window_around(region, 3000, 4000)
    assert window is not None
    assert window.lies_on(3000, 4000)
    assert min(window.width, window.height) >= LEAST_PX
    inside = replace(region, left=region.left - window.left, top=region.top - window.top)
    assert inside.lies_on(window.height, window.width)
    for near, away in (
        (inside.left, window.left),
        (inside.top, window.top),
        (window.width - inside.left - width, 4000 - window.left - window.width),
        (window.height - inside.top - height, 3000 - window.top - window.height),
    ):
        assert near >= MARGIN_PX or away == 0


def test_a_region_of_much_of_the_frames_has_no_window() -> None:
    sides = (int(4000 * MOST_SHARE**0.5), int(3000 * MOST_SHARE**0.5))
    large = Rectangle(left=300, top=200, width=sides[0], height=sides[1])
    assert window_around(large, 3000, 4000) is None
    assert window_around(CROP, 300, 400) is None


@pytest.mark.usefixtures("small_windows")
def test_a_crop_is_nearly_that_part_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    found, expected = zoom(frames(), config=CONFIG), whole(frames(), monkeypatch)
    assert (found.reference, found.used) == (expected.reference, expected.used)
    assert psnr(found.pixels[None], expected.pixels[None]) > 46
    for mine, other in zip(found.frames, expected.frames, strict=True):
        if mine.registration is None or other.registration is None:
            assert mine.registration is other.registration
            continue
        height, width = frames().shape[-2:]
        assert (mine.registration.field.height, mine.registration.field.width) == (height, width)
        x, y = CROP.left + CROP.width / 2 - width / 2, CROP.top + CROP.height / 2 - height / 2
        middle = torch.tensor([[x, y]], dtype=torch.float64)
        gap = mine.registration.field.at(middle) - other.registration.field.at(middle)
        assert float(gap.norm()) < 0.06


@pytest.mark.usefixtures("small_windows")
def test_only_a_window_of_the_frames_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    rows = TensorSource.rows

    def counted(source: TensorSource, index: int, top: int, bottom: int) -> Tensor:
        read.extend((top, bottom))
        return rows(source, index, top, bottom)

    monkeypatch.setattr(TensorSource, "rows", counted)
    zoom(frames(), config=CONFIG)
    window = window_around(CROP, *frames().shape[-2:])
    assert window is not None
    assert min(read) >= window.top > 0
    assert max(read) <= window.top + window.height < frames().shape[-2]


@pytest.mark.usefixtures("small_windows")
def test_where_a_window_is_not_enough_whole_frames_are_aligned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    foreign = frames().clone()
    foreign[2] = torch.rand(foreign[2].shape, generator=torch.Generator().manual_seed(0))
    away = torch.stack((frames()[0], frames()[1], frames()[2].roll(40, -1)))
    for burst in (foreign, away):
        found, expected = zoom(burst, config=CONFIG), whole(burst, monkeypatch)
        assert torch.equal(found.pixels, expected.pixels)
        assert [frame.note for frame in found.frames] == [frame.note for frame in expected.frames]


@pytest.mark.usefixtures("small_windows")
def test_a_thing_in_the_sky_moves_with_what_whole_frames_show() -> None:
    generator = torch.Generator().manual_seed(1)
    texture = resize_bicubic(torch.rand(3, 100, 160, generator=generator), 2.0).clamp(0, 1)
    scene = torch.full((3, 400, 320), 0.6)
    scene[:, 200:] = texture
    scene[:, 96:106, 150:160] = torch.rand(3, 10, 10, generator=generator) * 0.1 + 0.55
    shifts = [(0, 0), (6, -4), (-8, 5), (4, 7)]
    seen = [scene[:, 20 + y : 380 + y, 20 + x : 300 + x] for y, x in shifts]
    frames = torch.stack(seen)
    frames += 8 / 255 * torch.randn(frames.shape, generator=generator)
    crop = Rectangle(left=110, top=60, width=44, height=44)
    found = zoom(frames.clamp(0, 1), config=ZoomConfig(scale=1, crop=crop, reference=0))
    for (y, x), frame in zip(shifts[1:], found.frames[1:], strict=True):
        assert frame.registration is not None
        motion = frame.registration.motion
        assert abs(motion.shift_y_px + y) < 0.1
        assert abs(motion.shift_x_px + x) < 0.1


@pytest.mark.parametrize("depth", [8, 16])
def test_a_window_of_a_spool_is_that_part_of_its_frames(depth: int) -> None:
    with spooling() as spool:
        spool.add(frames()[0], depth)
        part = CroppedSource(spool, CROP)
        expected = spool.rows(0, CROP.top + 3, CROP.top + 9)
        columns = slice(CROP.left, CROP.left + CROP.width)
        assert torch.equal(part.rows(0, 3, 9), expected[:, :, columns])
        assert (part.count, part.height, part.width, part.depth) == (1, 40, 48, depth)
