"""From light on the sensor to an 8-bit picture: filter, noise, white balance, gamma, JPEG.

1. Under the light that the scene has, the sensor's red and blue are weaker than its green by the
   gains of the white balance: raw = light / gain.
2. With a Bayer filter each pixel keeps one color.
3. Shot and read noise, where the sensor has them (:mod:`edge_sdk.data.camera.sensor_noise`).
4. White balance multiplies by the gains, noise included; then the demosaic.
5. Clip to [0, 1] and encode by the sRGB curve. There is no color matrix, tone curve, denoising or
   sharpening.
6. Without sensor noise: Gaussian noise on the encoded values, by color and smooth on request,
   clipped to [0, 1].
7. Rounding to 8 bits; on request JPEG with chroma of half the size in both directions (4:2:0).
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from edge_sdk.data.camera.bayer import demosaic, mosaic
from edge_sdk.data.camera.sensor_noise import SensorNoise, read_sensor
from edge_sdk.imaging import linear_to_srgb
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.imaging.margins import inner

_CHROMA_420 = 2
_NOISE_MARGIN_PX = 20
"""What noise that is blurred has around the frame: five standard deviations of the widest blur."""


@dataclass(frozen=True)
class Developing:
    """How light becomes a picture.

    Attributes:
        noise_std: standard deviation of Gaussian noise on encoded values in [0, 1]; what is added
            where ``sensor`` is ``None``.
        sensor: shot and read noise in linear light, instead.
        bayer: whether each pixel sees one color only.
        white_balance: gains of red and of blue, 1 or more; green has 1.
        jpeg_quality: quality of the JPEG that the picture goes through, 1 to 100, or ``None``.
        noise_colors: factors of ``noise_std`` for red, green and blue.
        noise_blur_px: standard deviation of the Gaussian that makes neighbors of that noise go
            along; its strength stays.
    """

    noise_std: float
    sensor: SensorNoise | None
    bayer: bool
    white_balance: tuple[float, float]
    jpeg_quality: int | None
    noise_colors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise_blur_px: float = 0.0


def develop(light: Tensor, how: Developing, generator: torch.Generator) -> Tensor:
    """Turn light on the sensor into a picture.

    Args:
        light: float32 [3, H, W] in [0, 1], linear.
        how: the steps.
        generator: source of random numbers.

    Returns:
        Float32 [3, H, W] in [0, 1], sRGB, multiples of 1/255.
    """
    red, blue = how.white_balance
    gains = light.new_tensor([red, 1.0, blue])[:, None, None]
    raw = light / gains
    if how.bayer:
        raw, gains = mosaic(raw), mosaic(gains.expand_as(light))
    if how.sensor is not None:
        raw = read_sensor(raw, how.sensor, generator)
    balanced = raw * gains
    colors = demosaic(balanced) if how.bayer else balanced
    encoded = linear_to_srgb(colors.clamp(0, 1))
    if how.sensor is None:
        encoded = (encoded + _noise(encoded.shape, how, generator)).clamp(0, 1)
    rounded = (encoded * 255).round() / 255
    return rounded if how.jpeg_quality is None else through_jpeg(rounded, how.jpeg_quality)


def _noise(shape: torch.Size, how: Developing, generator: torch.Generator) -> Tensor:
    # Blurred beyond the frame: at an edge that is repeated, noise would be stronger.
    margin = _NOISE_MARGIN_PX if how.noise_blur_px > 0 else 0
    beyond = (shape[0], shape[1] + 2 * margin, shape[2] + 2 * margin)
    noise = torch.randn(beyond, generator=generator)
    if how.noise_blur_px > 0:
        impulse = torch.zeros(1, 1, 2 * margin + 1, 2 * margin + 1)
        impulse[..., margin, margin] = 1
        noise = inner(gaussian_blur(noise[None], how.noise_blur_px)[0], margin)
        noise = noise / gaussian_blur(impulse, how.noise_blur_px).norm()
    return noise * how.noise_std * noise.new_tensor(how.noise_colors)[:, None, None]


def through_jpeg(picture: Tensor, quality: int) -> Tensor:
    """Encode a picture as JPEG and decode it again.

    Args:
        picture: float32 [3, H, W] in [0, 1], multiples of 1/255.
        quality: 1 to 100, as libjpeg counts.

    Returns:
        Same shape and range, multiples of 1/255.
    """
    levels = (picture * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling=_CHROMA_420)
    decoded = np.array(Image.open(file))
    return torch.from_numpy(decoded).permute(2, 0, 1).float() / 255
