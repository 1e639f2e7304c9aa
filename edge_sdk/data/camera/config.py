"""Settings of the simulated camera; :mod:`edge_sdk.data.camera.simulation` says what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from edge_sdk.data.camera.hand_motion import PATHS
from edge_sdk.data.camera.light_changes import LightChanges
from edge_sdk.data.camera.occluders import MovingObject, NearLayer
from edge_sdk.data.camera.reduction import REDUCTIONS
from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.errors import InputError


@dataclass(frozen=True)
class CameraConfig:
    """Settings of the simulated camera.

    Attributes:
        frames: number of frames, at least 1.
        scale: scene pixels per sensor pixel in each direction, at least 1.
        max_shift_px: largest shift in x and in y, in sensor pixels.
        max_angle_deg: largest rotation, in degrees.
        lens_std_px: standard deviation of the lens blur, in sensor pixels.
        noise_std: standard deviation of the noise on encoded values in [0, 1]; not added where
            ``sensor`` is given.
        seed: seed of everything that is drawn. Motion and noise do not depend on layers.
        path: ``independent`` poses per frame, or ``walk``, a continuous path.
        readout: time in which a rolling shutter reads the rows of a frame, as a share of the frame
            interval, 0 to 1; 0 exposes all rows at once. More than 0 needs a path that walks.
        near: a nearer layer, for parallax; ``None`` for a flat scene.
        moving_object: moves between frames, for ghosts; ``None`` for a scene at rest.
        sensor: shot and read noise in linear light, instead of ``noise_std``.
        bayer: whether the sensor has a Bayer filter (RGGB), which a demosaic undoes.
        white_balance: gains of red and of blue, 1 to 8. They change nothing but the noise: the
            weaker a channel, the noisier it becomes.
        jpeg_quality: quality of the JPEG that each frame goes through, 1 to 100; ``None`` for none.
        reduction: what a pixel sees: ``area`` integrates light, as sensors do; ``box`` and
            ``bicubic`` are those of encoded values that published pictures are reduced by.
        noise_colors: factors of ``noise_std`` for red, green and blue.
        noise_blur_px: standard deviation of the Gaussian that makes neighbors of that noise go
            along, as demosaicing and denoising do; its strength stays. 0 for white noise.
        light: how the light differs between frames; ``None`` for the same in all.

    Example:
        >>> from edge_sdk import CameraConfig
        >>> night = CameraConfig(frames=8, path="walk", readout=0.6, bayer=True, jpeg_quality=93)
        >>> night.scale, night.lens_std_px
        (2, 0.3)
        >>> CameraConfig(path="jump")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: the hand has no path 'jump'; choose one of: independent, walk
    """

    frames: int = 10
    scale: int = 2
    max_shift_px: float = 4.0
    max_angle_deg: float = 0.5
    lens_std_px: float = 0.3
    noise_std: float = 8 / 255
    seed: int = 0
    path: str = "independent"
    readout: float = 0.0
    near: NearLayer | None = None
    moving_object: MovingObject | None = None
    sensor: SensorNoise | None = None
    bayer: bool = False
    white_balance: tuple[float, float] = (1.0, 1.0)
    jpeg_quality: int | None = None
    reduction: str = "area"
    noise_colors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise_blur_px: float = 0.0
    light: LightChanges | None = None

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
            (
                self.path in PATHS,
                f"the hand has no path {self.path!r}; choose one of: {', '.join(PATHS)}",
            ),
            (0 <= self.readout <= 1, f"readout must be 0 to 1 frame, not {self.readout}"),
            (
                self.readout == 0 or self.path == "walk",
                "a rolling shutter needs a hand that moves between the rows; choose path 'walk'",
            ),
            (
                all(1 <= gain <= 8 for gain in self.white_balance),
                f"white balance must be gains of 1 to 8, not {self.white_balance}",
            ),
            (
                self.jpeg_quality is None or 1 <= self.jpeg_quality <= 100,
                f"JPEG quality must be 1 to 100, not {self.jpeg_quality}",
            ),
            (
                self.reduction in REDUCTIONS,
                f"there is no reduction {self.reduction!r}; choose one of: {', '.join(REDUCTIONS)}",
            ),
            (
                len(self.noise_colors) == 3 and all(0 <= share <= 4 for share in self.noise_colors),
                f"noise of red, green and blue must be factors of 0 to 4, not {self.noise_colors}",
            ),
            (
                0 <= self.noise_blur_px <= 4,
                f"noise must be smooth over 0 to 4 px, not {self.noise_blur_px:g}",
            ),
            (
                self.sensor is None
                or (self.noise_colors == (1.0, 1.0, 1.0) and self.noise_blur_px == 0),
                "noise_colors and noise_blur_px shape noise_std, which a sensor's noise replaces; "
                "leave them or the sensor out",
            ),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)
