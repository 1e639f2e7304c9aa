"""The driver in plain NumPy, examples/driver_numpy, makes what the SDK makes of the same stages."""

from __future__ import annotations

import ast
import functools
import importlib
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_sdk import ZoomConfig, burst_network
from edge_sdk import zoom as sdk_zoom
from edge_sdk.burst import ZoomResult
from edge_sdk.burst.converted.packed import PackedBlend, PackedEncode
from edge_sdk.burst.driver.stage_set import LEARNED_STD
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.score import PackedScore
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr
from edge_sdk.registration import RegistrationConfig, transform
from edge_sdk.registration.stages.align import PackedAlign
from edge_sdk.registration.stages.expand import Expand
from edge_sdk.registration.stages.levels import Halve, Smooth, Surround
from edge_sdk.registration.stages.search import PackedSearch
from examples.driver_numpy.stages import Driver
from examples.driver_numpy.zoom import Zoomed, zoom
from tests.burst.test_driver_page import CONSTANTS
from tests.burst.test_light import bands, in_other_light
from tests.needs import needs

FOLDER = Path(__file__).parents[2] / "examples" / "driver_numpy"
LARGE = {"tile": 128, "reach": 8, "line": 2048, "blocks": 64, "encode": 160, "decoded": 128}
SMALL = {"tile": 40, "reach": 5, "line": 300, "blocks": 17, "encode": 107, "decoded": 80}
SAME_PX = 1e-5
"""How far a motion may lie from the SDK's: as far as sums in another order move it."""


@functools.cache
def network() -> nn.Module:
    return burst_network("burst_zoom_x2", 2)


def driver_of(sizes: dict[str, int]) -> Driver:
    """What ``driver.json`` of files of such sizes says."""
    tile, reach, halo = sizes["tile"], sizes["reach"], network().spec.halo_px
    side = sizes["decoded"] + 2 * halo
    squares = {"smooth": tile + 6, "halve": tile + 8, "surround": tile // 2 + 12}
    shapes = {
        **{stage: (1, 1, square, square) for stage, square in squares.items()},
        "expand": (1, 1, tile + 4, tile + 4),
        "search": (1, 3 + 2 * reach + 1, 1, sizes["line"] + 2 * reach),
        "align": (1, 15, sizes["blocks"], 64),
        "score": (1, 2, tile + 2, tile + 2),
        "encode": (1, 12, sizes["encode"], sizes["encode"]),
        "blend": (1, 22, side + 2, side + 2),
        "decode": (1, 24, side, side),
    }
    constants = {
        f"{module}.{name}": getattr(importlib.import_module(f"edge_sdk.{module}"), name)
        for module, name, _ in CONSTANTS
    }
    return Driver.of(
        {
            "scale": 2,
            "shapes": shapes,
            "decoded_px": sizes["decoded"],
            "network_halo_px": halo,
            "learned_std": LEARNED_STD,
            "constants": constants,
        }
    )


class Files:
    """The ten stages in PyTorch, as files run them: of the shapes that a driver was told."""

    def __init__(self, driver: Driver) -> None:
        self.shapes = driver.shapes
        self.modules = {
            "smooth": Smooth(),
            "halve": Halve(),
            "surround": Surround(),
            "expand": Expand(),
            "search": PackedSearch(driver.shapes["search"][1] // 2 - 2),
            "align": PackedAlign(),
            "score": PackedScore(),
            "encode": PackedEncode(Encode(2)),
            "blend": PackedBlend(Blend(2)),
            "decode": network(),
        }

    def __call__(self, stage: str, packed: np.ndarray) -> np.ndarray:
        assert packed.shape == self.shapes[stage]
        assert packed.dtype == np.float32
        with torch.inference_mode():
            made: Tensor = self.modules[stage](torch.from_numpy(packed))
        return made.numpy()


def zoomed(frames: Tensor, sizes: dict[str, int] = LARGE, **given: float) -> Zoomed:
    driver = driver_of(sizes)
    levels = [(frame.permute(1, 2, 0) * 255).round().byte().numpy() for frame in frames]
    return zoom(levels, driver, Files(driver), **given)


def burst(frames: int = 4, photo: str = "coffee", **camera: Any) -> Tensor:
    config = CameraConfig(frames=frames, **{"noise_std": 4 / 255, "seed": 1, **camera})
    scene = example_photo(photo)[:, 40:390, 80:510]
    taken: Tensor = simulate_burst(scene, config).frames
    return taken


def flickering() -> Tensor:
    return in_other_light(burst(), torch.tensor([1, 0.92, 1.08, 0.95])[:, None, None, None])


def banded() -> Tensor:
    frames = burst(5)
    return in_other_light(frames, bands(frames.shape[2]))


def far_apart() -> Tensor:
    gains = torch.tensor([1, 0.2, 1, 4.5, 0.02, 1.1])[:, None, None, None]
    return in_other_light(burst(6), gains)


def hot() -> Tensor:
    frames = burst(5, seed=2)
    for channel, row, column in ((0, 30, 40), (1, 100, 7), (2, 0, 0)):
        frames[:, channel, row, column] = 1
    return frames


def with_another_scene() -> Tensor:
    frames = burst(5)
    frames[2] = burst(1, "astronaut")
    return frames


def mostly_another_scene() -> Tensor:
    frames = burst(5, seed=3)
    frames[[0, 2, 3]] = burst(3, "astronaut", seed=4)
    return frames


def with_copies() -> Tensor:
    frames = burst(5, seed=3)
    frames[2], frames[4] = frames[1], frames[0]
    return frames


def mostly_black() -> Tensor:
    frames = burst(5, seed=4)
    frames[[0, 2, 4]] = 0
    return frames


def cut_off() -> Tensor:
    frames = burst()
    frames[1, :, 130:] = 0.6
    return frames


def gray() -> Tensor:
    mean = burst(3).mean(1, keepdim=True).mul(255).round() / 255
    return mean.expand(-1, 3, -1, -1).contiguous()


BURSTS: dict[str, Callable[[], Tensor]] = {
    "photograph": burst,
    "turned": lambda: burst(6, noise_std=16 / 255, max_angle_deg=3, max_shift_px=12, seed=7),
    "flickering": flickering,
    "banded": banded,
    "far apart in exposure": far_apart,
    "hot pixels": hot,
    "another scene": with_another_scene,
    "mostly another scene": mostly_another_scene,
    "copies": with_copies,
    "mostly black": mostly_black,
    "cut off": cut_off,
    "gray": gray,
    "one frame": lambda: burst(1),
    "flat": lambda: torch.full((3, 3, 64, 80), 0.4),
}


CUT = (
    # Seed, frames, rows that are kept, level of the others, light in bands.
    (2, (2,), slice(0, 80), 0.0, False),
    (3, (1,), slice(0, 80), 0.0, True),
    (4, (1, 3), slice(0, 121), 0.0, True),
    (9, (0,), slice(0, 80), 0.0, False),
    (6, (2,), slice(80, None), 1.0, True),
    (14, (1, 3), slice(0, 80), 0.0, False),
)
"""Frames of 161 rows, of which a quarter or half hold one value."""


def whole_shifts(matrix: Tensor, height: int, width: int) -> Tensor:
    x, y = torch.arange(0.0, width, 20) - width / 2, torch.arange(0.0, height, 20) - height / 2
    points = torch.cartesian_prod(x, y).double()
    return (transform(matrix, points) - points).round()


def check_frames(own: Zoomed, sdk: ZoomResult, height: int, width: int) -> None:
    """The same reference, frames, motions and light."""
    assert own.burst.reference == sdk.reference
    assert own.burst.used == [index for index, each in enumerate(sdk.frames) if not each.note]
    for index, each in enumerate(sdk.frames):
        assert math.isclose(own.burst.scores[index], each.score, rel_tol=1e-4, abs_tol=1e-9)
        if each.registration is None:
            continue
        matrix, expected = torch.from_numpy(own.burst.found[index].matrix), each.registration.matrix
        shifts = (whole_shifts(each, height, width) for each in (matrix, expected))
        assert torch.equal(*shifts)
        torch.testing.assert_close(matrix, expected, rtol=0, atol=SAME_PX)
        assert math.isclose(own.shares.get(index, 0.0), each.share, abs_tol=1e-4)
        assert (index in own.burst.lights) == (each.light is not None)
        if each.light is not None:
            found = own.burst.lights[index]
            pairs = ((found.colors, each.light.colors), (found.waves, each.light.waves))
            for ours, theirs in pairs:
                torch.testing.assert_close(torch.from_numpy(ours), theirs, rtol=0, atol=1e-5)


def check(own: Zoomed, sdk: ZoomResult) -> None:
    check_picture(own, sdk)
    noise = torch.stack((sdk.noise.std, sdk.noise.coarse_std), -1)
    torch.testing.assert_close(torch.from_numpy(own.noise), noise, rtol=2e-5, atol=1e-9)
    assert math.isclose(own.noise_std, sdk.noise.typical_std, rel_tol=1e-6, abs_tol=1e-9)
    assert math.isclose(own.lens_px, sdk.lens.std_px, rel_tol=1e-5)
    assert own.hot.any(0).sum() == sdk.hot_pixels
    assert math.isclose(own.effective, sdk.effective.mean, rel_tol=1e-4)


def check_picture(own: Zoomed, sdk: ZoomResult) -> None:
    """The same decisions and, to 80 dB, the same picture."""
    pixels = torch.from_numpy(own.pixels.copy()).permute(2, 0, 1)
    check_frames(own, sdk, pixels.shape[1] // 2, pixels.shape[2] // 2)
    assert psnr(pixels, sdk.pixels) >= 80
    assert float((pixels - sdk.pixels).abs().max()) <= 2 / 255


def by_the_sdk(frames: Tensor, **given: float) -> ZoomResult:
    # A driver may leave out what varies over the picture, and this one does.
    config = ZoomConfig(registration=RegistrationConfig(field=False), **given)
    return sdk_zoom(frames, network(), config)


@needs("examples")
@pytest.mark.parametrize("name", BURSTS)
def test_it_makes_what_the_sdk_makes(name: str) -> None:
    frames = BURSTS[name]()
    check(zoomed(frames), by_the_sdk(frames))


@needs("examples")
@pytest.mark.parametrize(("seed", "which", "kept", "level", "in_bands"), CUT)
def test_rows_without_light_decide_nothing(
    seed: int, which: tuple[int, ...], kept: slice, level: float, in_bands: bool
) -> None:
    frames = burst(seed=seed)
    if in_bands:
        frames = in_other_light(frames, bands(frames.shape[2])[:4])
    for index in which:
        whole = frames[index].clone()
        frames[index] = level
        frames[index, :, kept] = whole[:, kept]
    check_picture(zoomed(frames), by_the_sdk(frames))


@needs("examples")
def test_noise_and_lens_may_be_given() -> None:
    frames = burst(3, noise_std=12 / 255)
    expected = by_the_sdk(frames, noise_std=12 / 255, lens_std_px=0.4)
    check(zoomed(frames, noise=12 / 255, lens=0.4), expected)


@needs("examples")
def test_files_of_other_sizes_make_the_same_picture() -> None:
    frames = burst(3)
    one, other = zoomed(frames), zoomed(frames, SMALL)
    assert one.burst.used == other.burst.used == [0, 1, 2]
    np.testing.assert_allclose(one.pixels, other.pixels, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shapes", [[], [(31, 40, 3)], [(40, 40, 3), (40, 41, 3)]])
def test_frames_that_cannot_be_merged_are_refused(shapes: list[tuple[int, ...]]) -> None:
    driver = driver_of(LARGE)
    with pytest.raises(ValueError, match=r"give one frame or more|all frames must be"):
        zoom([np.zeros(shape, np.uint8) for shape in shapes], driver, Files(driver))


def lines_of_code(text: str) -> int:
    """Lines that are neither blank nor of a docstring."""
    lines = {number for number, line in enumerate(text.splitlines(), 1) if line.strip()}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def test_it_is_short_and_needs_numpy_alone() -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py"))]
    assert len(texts) <= 8
    assert sum(lines_of_code(text) for text in texts) <= 1200
    own = re.compile(r"__future__|collections\.abc|dataclasses|hashlib|math|types|typing|numpy")
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                assert all(own.fullmatch(each.name) for each in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert own.fullmatch(node.module or "")
