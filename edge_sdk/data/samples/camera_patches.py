"""Patches as a camera takes them: one frame of the simulated camera, and the photograph as truth.

The camera is that of :mod:`edge_sdk.data.camera.simulation` held at rest: its lens, pixels, noise
and developing. A pixel integrates over scale × scale pixels of the photograph, so that the centers
of both grids coincide as in an antialiased reduction: the frame and the photograph need no shift.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from edge_sdk.data.camera.developing import develop
from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.data.camera.simulation import CameraConfig, developing
from edge_sdk.data.samples.patches import Place, Places, oriented
from edge_sdk.errors import PictureError
from edge_sdk.imaging import quantize, rgb_to_ycbcr, srgb_to_linear, to_levels
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.models.spec import Color

Range = tuple[float, float]
"""Least and greatest value."""
_OWN_DRAW = 0x63616D
"""Keeps the draws of the cameras separate from those that choose a patch."""
_DEMOSAIC_PX = 2
"""How far the demosaic looks."""
_JPEG_BLOCK_PX = 8


@dataclass(frozen=True)
class CameraRange:
    """Cameras to draw from, by attributes of :class:`~edge_sdk.data.camera.config.CameraConfig`.

    Attributes:
        scale: pixels of the photograph per pixel of the sensor, in each direction.
        lens_std_px: least and greatest standard deviation of the lens blur, in pixels of the
            sensor; drawn evenly.
        analog_gain: least and greatest gain of a sensor with shot and read noise; its logarithm is
            drawn evenly. ``None`` for ``noise_std`` instead.
        noise_std: least and greatest standard deviation of noise on encoded values in [0, 1]; drawn
            evenly.
        bayer: whether the sensor has a Bayer filter.
        white_balance: gains of red and of blue.
        jpeg_quality: least and greatest quality of the JPEG that the frame goes through; ``None``
            for none.
    """

    scale: int
    lens_std_px: Range = (0.2, 0.5)
    analog_gain: Range | None = (1.0, 16.0)
    noise_std: Range = (0.0, 0.0)
    bayer: bool = True
    white_balance: Range = (2.0, 1.6)
    jpeg_quality: tuple[int, int] | None = None

    def draw(self, rng: np.random.Generator) -> CameraConfig:
        """A camera that is held at rest and takes one frame."""
        gain = self.analog_gain
        lens_std_px, noise_std = rng.uniform(*self.lens_std_px), rng.uniform(*self.noise_std)
        power, quality = rng.random(), rng.random()
        return CameraConfig(
            frames=1,
            scale=self.scale,
            max_shift_px=0.0,
            max_angle_deg=0.0,
            lens_std_px=lens_std_px,
            noise_std=noise_std,
            sensor=None if gain is None else SensorNoise(gain[0] * (gain[1] / gain[0]) ** power),
            bayer=self.bayer,
            white_balance=self.white_balance,
            jpeg_quality=None if self.jpeg_quality is None else _whole(self.jpeg_quality, quality),
        )

    @property
    def margin_px(self) -> int:
        """Pixels of the sensor around a patch that the patch depends on."""
        return _DEMOSAIC_PX + math.ceil(3 * self.lens_std_px[1]) + self.phases - 1

    @property
    def phases(self) -> int:
        """Period, in pixels of the sensor, of what the place of a patch on the sensor decides."""
        return _JPEG_BLOCK_PX if self.jpeg_quality is not None else 2


def stationary_frame(
    photograph: Tensor, config: CameraConfig, generator: torch.Generator
) -> Tensor:
    """What a camera held at rest takes of a photograph, up to its edge.

    Args:
        photograph: uint8 [3, H, W], sRGB; H and W multiples of the scale.
        config: the camera; its motion, layers and number of frames do not count.
        generator: source of random numbers.

    Returns:
        Float32 [3, H/scale, W/scale] in [0, 1], sRGB, multiples of 1/255.
    """
    light = torch.from_numpy(_light_of_levels()[photograph.numpy()])
    seen = gaussian_blur(light[None], config.lens_std_px * config.scale)
    return develop(functional.avg_pool2d(seen, config.scale)[0], developing(config), generator)


def camera_pair(
    photograph: Tensor, cameras: CameraRange, color: Color, seed: int, index: int
) -> tuple[Tensor, Tensor]:
    """A whole photograph as a camera takes it, always the same for a seed and an index.

    Args:
        photograph: uint8 [3, H, W]; H and W multiples of the scale.
        cameras: what to draw the camera from.
        color: luma only, or red, green and blue.
        seed: seed of the camera and its noise.
        index: number of the picture; every one has its own draws.

    Returns:
        Frame and truth, float32 [C, H/scale, W/scale] and [C, H, W] in [0, 1].
    """
    rng = np.random.default_rng((seed, index, _OWN_DRAW))
    frame = stationary_frame(photograph, cameras.draw(rng), _generator(rng))
    return in_color(frame, color), in_color(photograph.float() / 255, color)


class CameraPatches(Dataset[tuple[Tensor, Tensor]]):
    """Random patches and what a random camera makes of them; an index and a seed give one pair.

    The photograph is turned before the camera sees it, and the patch lies anywhere on the pattern
    of the filter (and the blocks of the JPEG), as in a file.

    Args:
        photographs: uint8 [3, H, W] each, sides multiples of the scale, with their names; drawn
            with a probability proportional to their area.
        cameras: what to draw the cameras from.
        color: luma only, or red, green and blue.
        patch_px: height and width of the frame's patch.
        length: number of indices.
        seed: seed of all draws.

    Raises:
        InputError: if there is no picture, the patch has no pixel, or a number is negative.
        PictureError: if a photograph is smaller than the patch and the margin around it.
    """

    def __init__(
        self,
        photographs: Sequence[tuple[str, Tensor]],
        cameras: CameraRange,
        color: Color,
        *,
        patch_px: int,
        length: int,
        seed: int,
    ) -> None:
        scale, self._cut_px = cameras.scale, patch_px + 2 * cameras.margin_px
        sizes = [
            (name, (picture.shape[-2] // scale, picture.shape[-1] // scale))
            for name, picture in photographs
        ]
        for name, (height, width) in sizes:
            if min(height, width) < self._cut_px:
                raise PictureError(
                    f"{name}: {width}×{height} px on the sensor is smaller than a patch of "
                    f"{patch_px} px with the {cameras.margin_px} px around it that the camera "
                    "needs; leave it out or choose smaller patches"
                )
        self._photographs = [picture for _, picture in photographs]
        self._truths = [_levels_in_color(picture, color) for _, picture in photographs]
        self._places = Places(sizes, self._cut_px, length, seed)
        self._cameras, self._color = cameras, color
        self._patch_px, self._seed = patch_px, seed

    def __len__(self) -> int:
        """Number of patches."""
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Pair ``index``: frame [C, p, p] and truth [C, scale·p, scale·p], float32 in [0, 1]."""
        place = self._places[index]
        cameras, patch = self._cameras, self._patch_px
        rng = np.random.default_rng((self._seed, index, _OWN_DRAW))
        config = cameras.draw(rng)
        # Of the cut's margin these rows and columns are left out, which moves the pattern.
        down, right = (int(phase) for phase in rng.integers(cameras.phases, size=2))
        cut = self._cut(self._photographs[place.picture], place)
        truth = self._cut(self._truths[place.picture], place)
        scale, margin = cameras.scale, cameras.margin_px
        seen = cut[:, down * scale :, right * scale :]
        frame = stationary_frame(seen, config, _generator(rng))
        top, left = margin - down, margin - right
        low = frame[:, top : top + patch, left : left + patch]
        inside = slice(margin * scale, (margin + patch) * scale)
        high = truth[:, inside, inside].float() / 255
        return in_color(low, self._color), high

    def _cut(self, picture: Tensor, place: Place) -> Tensor:
        scale = self._cameras.scale
        top, left, side = (scale * px for px in (place.top, place.left, self._cut_px))
        return oriented(picture[:, top : top + side, left : left + side], place.turn)


def in_color(picture: Tensor, color: Color) -> Tensor:
    """Red, green and blue as they are, or their luma in 8 bits as a file's; float32 [C, H, W]."""
    return quantize(rgb_to_ycbcr(picture)[:1]) if color is Color.Y else picture


def _levels_in_color(picture: Tensor, color: Color) -> Tensor:
    if color is not Color.Y:
        return picture
    return to_levels(in_color(picture.float() / 255, color)).to(torch.uint8)


@functools.cache
def _light_of_levels() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    light: np.ndarray[tuple[int], np.dtype[np.float32]] = srgb_to_linear(
        torch.arange(256) / 255
    ).numpy()
    return light


def _whole(bounds: tuple[int, int], share: float) -> int:
    return bounds[0] + min(int(share * (bounds[1] - bounds[0] + 1)), bounds[1] - bounds[0])


def _generator(rng: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(rng.integers(2**63)))
