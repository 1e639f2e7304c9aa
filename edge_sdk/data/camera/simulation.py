"""A hand-held camera, simulated: bursts with known motion, known blur, known noise and the truth.

The camera, in the order of its parts (specification 2, "Why"; every default is documented because
decibels mean nothing without it):

1. The scene is a photograph, taken as sRGB and turned into linear light; on request a nearer layer
   and a moving object lie over it (:mod:`edge_sdk.data.camera.occluders`).
2. Each frame sees it through a shift and a rotation about the center, both uniform and independent
   per frame; the first frame is at rest. On request the hand walks along a continuous path that a
   rolling shutter reads row by row (:mod:`edge_sdk.data.camera.hand_motion`).
3. The lens blurs by a Gaussian of ``lens_std_px`` pixels of the sensor.
4. A pixel integrates over its square: the mean of scale × scale interpolated scene pixels. On
   request it is made as published sets of pictures are (:mod:`edge_sdk.data.camera.reduction`), and
   the light of a frame is another (:mod:`edge_sdk.data.camera.light_changes`).
5. The result is sRGB-encoded, Gaussian noise of ``noise_std`` is added to the encoded values, and
   the sum is clipped to [0, 1] and rounded to 8 bits. On request there are a Bayer filter, white
   balance, shot and read noise instead, and JPEG (:mod:`edge_sdk.data.camera.developing`).

The sensor sees only the inside of the photograph, so that no frame looks beyond its edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.developing import Developing, develop
from edge_sdk.data.camera.hand_motion import HandMotion, draw_hand_motion
from edge_sdk.data.camera.light_changes import draw_lights
from edge_sdk.data.camera.occluders import near_layer, object_layer
from edge_sdk.data.camera.reduction import REACH_PX, reduced_light
from edge_sdk.data.camera.scene_layers import LayeredScene
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import linear_to_srgb, srgb_to_linear
from edge_sdk.imaging.margins import inner
from edge_sdk.registration.motion import EuclideanMotion, centered_grid

__all__ = ["SMALLEST_FRAME_PX", "CameraConfig", "SimulatedBurst", "developing", "simulate_burst"]

SMALLEST_FRAME_PX = 32


@dataclass(frozen=True, eq=False)
class SimulatedBurst:
    """A burst with everything that a real one hides.

    Attributes:
        frames: float32 [N, 3, H, W] in [0, 1], sRGB, multiples of 1/255.
        motions: motion of each frame: sensor pixel of the frame to the same pixel of the scene; at
            the time of the middle row where a rolling shutter reads.
        scene: float32 [3, …, …], linear light: the photograph.
        config: the camera.
        layered: the scene with its layers and the motion of every row.

    Example:
        >>> import torch
        >>> from edge_sdk.data import CameraConfig, simulate_burst
        >>> burst = simulate_burst(torch.rand(3, 120, 160), CameraConfig(frames=2))
        >>> burst.truth(0).shape[-1] == 2 * burst.frames.shape[-1]
        True
        >>> burst.relative_motion(0, 1).shape
        torch.Size([3, 3])
    """

    frames: Tensor
    motions: tuple[EuclideanMotion, ...]
    scene: Tensor
    config: CameraConfig
    layered: LayeredScene

    def truth(self, index: int) -> Tensor:
        """What a noise-free camera with a point-like lens and ``scale`` times more pixels sees.

        It moves as frame ``index`` does: a rolling shutter bends the truth like the frame, the
        layers stand where that frame sees them, and the light is that frame's.

        Args:
            index: frame from whose position it looks, 0-based.

        Returns:
            Float32 [3, scale·H, scale·W] in [0, 1], sRGB.
        """
        light = self.layered.light(index, self._fine_grid())
        return linear_to_srgb(_in_own_light(light, index, self.config).clamp(0, 1))

    def light(self, index: int) -> Tensor:
        """What falls on the sensor in frame ``index``, through the lens and without noise.

        Args:
            index: 0-based frame.

        Returns:
            Float32 [3, H, W] in [0, 1], linear light of sRGB's primaries, before a color filter.
        """
        height, width = self.frames.shape[-2:]
        lens = self.layered.through(self.config.lens_std_px)
        return _light_on_sensor(lens, index, (height, width), self.config)

    def moving_area(self, reference: int) -> Tensor:
        """Where the moving object is in any of the frames, as frame ``reference`` sees the scene.

        Ghosts can stand there and nowhere else.

        Returns:
            Bool [scale·H, scale·W], on the grid of :meth:`truth`.
        """
        return self.layered.moving_area(reference, self._fine_grid())

    def relative_motion(self, reference: int, index: int) -> Tensor:
        """True motion from frame ``reference`` to frame ``index``, float64 [3, 3].

        A moving object is excepted.

        Raises:
            InputError: if a rolling shutter or a nearer layer leaves no single motion per frame.
        """
        if self.config.readout > 0 or self.config.near is not None:
            cause = "a rolling shutter" if self.config.readout > 0 else "a nearer layer"
            raise InputError(f"{cause} has no single motion per frame; ask for true_positions")
        inverse: Tensor = torch.linalg.inv(self.motions[index].matrix)
        return inverse @ self.motions[reference].matrix

    def true_positions(self, reference: int, index: int) -> Tensor:
        """Where frame ``index`` shows what each pixel of frame ``reference`` shows.

        Holds for rolling shutter, parallax and moving objects.

        Returns:
            Float64 [H, W, 2], centered (x, y) in pixels of frame ``index``. NaN where something
            else hides the point in that frame, or where a soft edge mixes two layers in either
            frame (each giving more than a tenth of the light). Places beyond the frame's edge are
            given as they are.
        """
        height, width = self.frames.shape[-2:]
        grid = centered_grid(height, width, like=torch.zeros((), dtype=torch.float64))
        return self.layered.positions(reference, index, grid)

    def _fine_grid(self) -> Tensor:
        scale = self.config.scale
        height, width = (side * scale for side in self.frames.shape[-2:])
        return centered_grid(
            height, width, step=1 / scale, like=torch.zeros((), dtype=torch.float64)
        )


def simulate_burst(
    photograph: Tensor, config: CameraConfig | None = None, object_picture: Tensor | None = None
) -> SimulatedBurst:
    """Take a burst of ``photograph`` with the simulated camera.

    Args:
        photograph: float32 [3, H, W] in [0, 1], sRGB.
        config: the camera.
        object_picture: float32 [3, …, …] in [0, 1], sRGB, at least as large as ``photograph``: what
            the moving object shows; the photograph turned by 180° by default.

    Raises:
        InputError: if the hand may move faster than the shutter reads.
        PictureError: if so little of the photograph is seen by all frames that a frame would have
            less than 32 pixels on a side, if the moving object does not stay inside the frame, or
            if ``object_picture`` is too small.

    Example:
        >>> import torch
        >>> from edge_sdk import zoom
        >>> from edge_sdk.data import CameraConfig, simulate_burst
        >>> from edge_sdk.imaging import psnr, resize_bicubic
        >>> photo = resize_bicubic(torch.rand(3, 24, 32), 6).clamp(0, 1)
        >>> burst = simulate_burst(photo, CameraConfig(frames=4))
        >>> result = zoom(burst.frames)
        >>> psnr(result.pixels, burst.truth(result.reference), border=8) > 30
        True
    """
    config = config or CameraConfig()
    generator = torch.Generator().manual_seed(config.seed)
    size = _sensor_size(photograph.shape[-2], photograph.shape[-1], config)
    hand = draw_hand_motion(
        generator,
        path=config.path,
        frames=config.frames,
        max_shift_px=config.max_shift_px,
        max_angle_deg=config.max_angle_deg,
        height=size[0],
        width=size[1],
        readout=config.readout,
        largest_factor=max(1.0, config.near.factor if config.near else 1.0),
    )
    layered = _arrange(photograph, config, size, hand, object_picture)
    lens = layered.through(config.lens_std_px)
    frames = [_expose(lens, index, size, config, generator) for index in range(config.frames)]
    motions = tuple(hand.motion(index) for index in range(config.frames))
    return SimulatedBurst(torch.stack(frames), motions, layered.background, config, layered)


def _arrange(
    photograph: Tensor,
    config: CameraConfig,
    size: tuple[int, int],
    hand: HandMotion,
    object_picture: Tensor | None,
) -> LayeredScene:
    height, width = (side * config.scale for side in size)
    background = _parity_cropped(srgb_to_linear(photograph), height, width)
    layers = []
    if config.near is not None:
        layers.append(near_layer(config.near, background, config.frames, config.scale))
    if config.moving_object is not None:
        shown = None if object_picture is None else srgb_to_linear(object_picture)
        generator = _generator(config.seed, "object")
        layers.append(
            object_layer(
                config.moving_object,
                background,
                config.frames,
                config.scale,
                size,
                generator,
                shown,
            )
        )
    moving = None if config.moving_object is None else len(layers) - 1
    return LayeredScene(background, tuple(layers), hand, config.scale, moving)


def _expose(
    lens: LayeredScene,
    index: int,
    size: tuple[int, int],
    config: CameraConfig,
    generator: torch.Generator,
) -> Tensor:
    light = _light_on_sensor(lens, index, size, config)
    return develop(light, developing(config), generator)


def _light_on_sensor(
    lens: LayeredScene, index: int, size: tuple[int, int], config: CameraConfig
) -> Tensor:
    margin = REACH_PX[config.reduction]
    (height, width), scale = (side + 2 * margin for side in size), config.scale
    like = torch.zeros((), dtype=torch.float64)
    points = centered_grid(height * scale, width * scale, step=1 / scale, like=like)
    # A sensor's row is exposed at one time, whatever part of its pixels is looked at.
    clock = centered_grid(height, 1, like=like)[..., 1].repeat_interleave(scale, 0)
    fine = lens.light(index, points, clock.expand(height * scale, width * scale))
    # A reduction adds up light, so that it changes before; what is too bright is cut behind.
    own = _in_own_light(fine, index, config, margin * scale)
    return inner(reduced_light(own, config.reduction, scale), margin).clamp(0, 1)


def _in_own_light(fine: Tensor, index: int, config: CameraConfig, margin: int = 0) -> Tensor:
    """What frame ``index`` sees, [3, H, W], in the light that it was taken in.

    Beyond the frame, in a margin of so many rows, the light is that of its first and last row.
    """
    if config.light is None:
        return fine
    lights = draw_lights(config.light, config.frames, _generator(config.seed, "light"))
    rows = fine.shape[-2] - 2 * margin
    factor = lights.factor(index, rows)
    if factor.shape[-2] > 1:
        places = torch.arange(-margin, rows + margin).clamp(0, rows - 1)
        factor = factor[..., places, :]
    return fine * factor


def developing(config: CameraConfig) -> Developing:
    """How a camera develops its frames."""
    return Developing(
        config.noise_std,
        config.sensor,
        config.bayer,
        config.white_balance,
        config.jpeg_quality,
        config.noise_colors,
        config.noise_blur_px,
    )


def _generator(seed: int, purpose: str) -> torch.Generator:
    """A random stream of its own, so that an option leaves what others draw as it was."""
    entropy = [seed % 2**64, *purpose.encode()]
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def _sensor_size(height: int, width: int, config: CameraConfig) -> tuple[int, int]:
    # Two pixels for the interpolation and the reach of the blur, then shift and rotation.
    margin = 2 / config.scale + 3 * config.lens_std_px + config.max_shift_px
    margin += REACH_PX[config.reduction]
    turn = math.sin(math.radians(config.max_angle_deg))
    seen_height = height / config.scale - 2 * margin - width / config.scale * turn
    seen_width = width / config.scale - 2 * margin - height / config.scale * turn
    if min(seen_height, seen_width) < SMALLEST_FRAME_PX:
        raise PictureError(
            f"a photograph of {width}×{height} px is too small for frames at scale "
            f"{config.scale} with shifts of {config.max_shift_px:g} px; use a larger one"
        )
    return int(seen_height), int(seen_width)


def _parity_cropped(scene: Tensor, height: int, width: int) -> Tensor:
    # With margins equal on both sides the first frame's truth falls on whole pixels of the scene.
    rows = scene.shape[-2] - (scene.shape[-2] - height) % 2
    columns = scene.shape[-1] - (scene.shape[-1] - width) % 2
    return scene[:, :rows, :columns]
