"""A hand-held camera, simulated: bursts with known motion, known blur, known noise and the truth.

The camera, in the order of its parts (specification 2, "Why"; every default is documented because
decibels mean nothing without it):

1. The scene is a photograph, taken as sRGB and turned into linear light.
2. Each frame sees it through a shift and a rotation about the centre, both uniform and independent
   per frame; the first frame is at rest.
3. The lens blurs by a Gaussian of ``lens_std_px`` pixels of the sensor.
4. A pixel integrates over its square: the mean of scale × scale interpolated scene pixels.
5. The result is sRGB-encoded, Gaussian noise of ``noise_std`` is added to the encoded values, and
   the sum is clipped to [0, 1] and rounded to 8 bits.

The sensor sees only the inside of the photograph, so that no frame looks beyond its edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import linear_to_srgb, srgb_to_linear
from edge_sdk.registration.motion import EuclideanMotion, centred_grid, transform
from edge_sdk.registration.pyramid import gaussian_blur
from edge_sdk.registration.sampling import sample_bicubic

SMALLEST_FRAME_PX = 32


@dataclass(frozen=True)
class CameraConfig:
    """Settings of the simulated camera.

    Attributes:
        frames: number of frames, at least 1.
        scale: scene pixels per sensor pixel in each direction, at least 1.
        max_shift_px: largest shift in x and in y, in sensor pixels.
        max_angle_deg: largest rotation, in degrees.
        lens_std_px: standard deviation of the lens blur, in sensor pixels.
        noise_std: standard deviation of the noise on encoded values in [0, 1].
        seed: seed of motion and noise.
    """

    frames: int = 10
    scale: int = 2
    max_shift_px: float = 4.0
    max_angle_deg: float = 0.5
    lens_std_px: float = 0.3
    noise_std: float = 8 / 255
    seed: int = 0

    def __post_init__(self) -> None:
        checks = (
            (self.frames >= 1, f"frames must be 1 or more, not {self.frames}"),
            (1 <= self.scale <= 8, f"scale must be 1 to 8, not {self.scale}"),
            (self.max_shift_px >= 0, f"max shift must be 0 px or more, not {self.max_shift_px}"),
            (
                0 <= self.max_angle_deg <= 45,
                f"max angle must be 0 to 45 degrees, not {self.max_angle_deg}",
            ),
            (self.lens_std_px >= 0, f"lens blur must be 0 px or more, not {self.lens_std_px}"),
            (0 <= self.noise_std <= 1, f"noise must be 0 to 1, not {self.noise_std}"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)


@dataclass(frozen=True)
class SimulatedBurst:
    """A burst with everything that a real one hides.

    Attributes:
        frames: float32 [N, 3, H, W] in [0, 1], sRGB, multiples of 1/255.
        motions: motion of each frame: sensor pixel of the frame to the same pixel of the scene.
        scene: float32 [3, …, …], linear light: the photograph.
        config: the camera.
    """

    frames: Tensor
    motions: tuple[EuclideanMotion, ...]
    scene: Tensor
    config: CameraConfig

    def truth(self, index: int) -> Tensor:
        """What a noise-free camera with a point-like lens and ``scale`` times more pixels sees.

        Args:
            index: frame from whose position it looks, 0-based.

        Returns:
            Float32 [3, scale·H, scale·W] in [0, 1], sRGB.
        """
        height, width = (side * self.config.scale for side in self.frames.shape[-2:])
        motion = self.motions[index]
        points = _scene_points(motion, height, width, self.config.scale)
        return linear_to_srgb(sample_bicubic(self.scene, points).clamp(0, 1))

    def relative_motion(self, reference: int, index: int) -> Tensor:
        """True motion from frame ``reference`` to frame ``index``, float64 [3, 3]."""
        inverse: Tensor = torch.linalg.inv(self.motions[index].matrix)
        return inverse @ self.motions[reference].matrix


def simulate_burst(photograph: Tensor, config: CameraConfig | None = None) -> SimulatedBurst:
    """Take a burst of ``photograph`` with the simulated camera.

    Args:
        photograph: float32 [3, H, W] in [0, 1], sRGB.
        config: the camera.

    Raises:
        PictureError: if so little of the photograph is seen by all frames that a frame would have
            less than 32 pixels on a side.
    """
    config = config or CameraConfig()
    generator = torch.Generator().manual_seed(config.seed)
    height, width = _sensor_size(photograph.shape[-2], photograph.shape[-1], config)
    scene = _parity_cropped(srgb_to_linear(photograph), height * config.scale, width * config.scale)
    lens = gaussian_blur(scene[None], config.lens_std_px * config.scale)[0]
    motions = tuple(_draw_motion(config, index, generator) for index in range(config.frames))
    frames = [_expose(lens, motion, height, width, config, generator) for motion in motions]
    return SimulatedBurst(torch.stack(frames), motions, scene, config)


def _expose(
    lens: Tensor,
    motion: EuclideanMotion,
    height: int,
    width: int,
    config: CameraConfig,
    generator: torch.Generator,
) -> Tensor:
    scale = config.scale
    points = _scene_points(motion, height * scale, width * scale, scale)
    fine = sample_bicubic(lens, points).clamp(0, 1)
    light = torch.nn.functional.avg_pool2d(fine[None], scale)[0]
    encoded = linear_to_srgb(light)
    noise = torch.randn(encoded.shape, generator=generator)
    noisy = (encoded + config.noise_std * noise).clamp(0, 1)
    return (noisy * 255).round() / 255


def _scene_points(motion: EuclideanMotion, height: int, width: int, scale: int) -> Tensor:
    matrix = motion.matrix
    grid = centred_grid(height, width, step=1 / scale, like=matrix)
    points = transform(matrix, grid.reshape(-1, 2)).reshape(height, width, 2)
    return (points * scale).float()


def _draw_motion(config: CameraConfig, index: int, generator: torch.Generator) -> EuclideanMotion:
    x, y, angle = (2 * torch.rand(3, generator=generator, dtype=torch.float64) - 1).tolist()
    if index == 0:
        return EuclideanMotion(0.0, 0.0, 0.0)
    return EuclideanMotion(
        x * config.max_shift_px, y * config.max_shift_px, angle * config.max_angle_deg
    )


def _sensor_size(height: int, width: int, config: CameraConfig) -> tuple[int, int]:
    # Two pixels for the interpolation and the reach of the blur, then shift and rotation.
    margin = 2 / config.scale + 3 * config.lens_std_px + config.max_shift_px
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
