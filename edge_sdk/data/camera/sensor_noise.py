"""Shot and read noise of a sensor by its gains, in linear light.

A pixel at white holds ``full_well_e`` electrons at gain 1. With the gain G = analog · digital only
a G-th of that light is left, and the signal is multiplied by G: the picture keeps its brightness.
The electrons are Poisson-distributed; read noise is Gaussian, one part before the amplifier, one
behind it (the converter), which the analog gain makes less. For the noise-free signal s in [0, 1]

    variance(s) = shot·s + read²,    shot = G / F,    read = G·√(r² + (c / analog)²) / F,

the form of Camera2's SENSOR_NOISE_PROFILE and of DNG's NoiseProfile (their O is read²). Dark
current, fixed patterns and the converter's own steps are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from edge_sdk.errors import InputError


@dataclass(frozen=True)
class SensorNoise:
    """Noise of a sensor. The defaults are of the order of a phone's pixels of about 1 µm.

    Attributes:
        analog_gain: gain of the amplifier, 1 to 1024; ISO 100 is about 1.
        digital_gain: gain of the numbers, 1 to 64.
        full_well_e: electrons of a white pixel at gain 1.
        read_noise_e: standard deviation before the amplifier, in electrons.
        converter_noise_e: standard deviation behind it, in electrons at gain 1.

    Example:
        >>> from edge_sdk.data import SensorNoise
        >>> SensorNoise(analog_gain=32.0).read_std > SensorNoise(analog_gain=1.0).read_std
        True
    """

    analog_gain: float = 1.0
    digital_gain: float = 1.0
    full_well_e: float = 6000.0
    read_noise_e: float = 2.0
    converter_noise_e: float = 6.0

    def __post_init__(self) -> None:
        bounds = {
            "analog_gain": (1, 1024),
            "digital_gain": (1, 64),
            "full_well_e": (1, 1e6),
            "read_noise_e": (0, 1e4),
            "converter_noise_e": (0, 1e4),
        }
        for field in fields(self):
            low, high = bounds[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                name = field.name.replace("_e", " (electrons)").replace("_", " ")
                raise InputError(f"{name} must be {low:g} to {high:g}, not {value:g}")

    @property
    def shot(self) -> float:
        """Variance per unit of signal; the signal of one electron."""
        return self.analog_gain * self.digital_gain / self.full_well_e

    @property
    def read_std(self) -> float:
        """Standard deviation of the read noise on a signal in [0, 1]."""
        electrons = math.hypot(self.read_noise_e, self.converter_noise_e / self.analog_gain)
        return self.shot * electrons


def read_sensor(signal: Tensor, noise: SensorNoise, generator: torch.Generator) -> Tensor:
    """Read a noise-free signal with a sensor.

    Args:
        signal: float32, any shape, in [0, 1], linear.
        noise: the sensor.
        generator: source of random numbers.

    Returns:
        Same shape, of mean ``signal`` and variance shot·signal + read²; not clipped: dark pixels
        come out negative as often as positive.
    """
    electrons = torch.poisson(signal / noise.shot, generator=generator)
    read = torch.randn(signal.shape, generator=generator)
    return electrons * noise.shot + noise.read_std * read
