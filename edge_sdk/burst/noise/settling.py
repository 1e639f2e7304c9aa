"""Which noise a zoom works with: given, stated by the files, or measured between frames."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edge_sdk.burst.noise.curve import Noise

AGREEING = 2.0
"""Factor within which what files state and what frames show count as the same."""
_ALONE = (
    "too little is seen in two frames to measure the noise between them: that of the reference "
    "alone is taken, which fine texture raises and a camera's own smoothing hides; give a noise if "
    "the result is smooth or grainy"
)


class NoiseSource(StrEnum):
    """Where the noise of a burst comes from.

    Example:
        >>> import torch
        >>> from edge_sdk import ZoomConfig, zoom
        >>> from edge_sdk.burst import NoiseSource
        >>> zoom(torch.rand(1, 3, 32, 48), config=ZoomConfig(noise_std=0.02)).noise_source
        <NoiseSource.GIVEN: 'given'>
    """

    GIVEN = "given"
    """By the caller: a number, or curves."""
    PROFILE = "NoiseProfile"
    """By the frames' own files."""
    MEASURED = "measured"
    """Between aligned frames."""
    ALONE = "of one frame"
    """Told by a single frame, in which fine texture counts as noise."""


@dataclass(frozen=True, eq=False)
class SettledNoise:
    """Noise of a burst, and where it comes from.

    Attributes:
        noise: its curves.
        source: whose they are.
        note: for people: why what the files state was not taken, or that nothing could be measured
            between frames; else empty.
    """

    noise: Noise
    source: NoiseSource
    note: str = ""


def settle_noise(measured: Noise, stated: Noise | None, comparable: bool) -> SettledNoise:
    """Take what the files state, unless frames differ by more or less than that tells.

    A NoiseProfile is that of the exposure as the camera's maker knows it: finer by color and level
    than what a few frames show. It is wrong where frames were merged or denoised after it was
    written. Where the typical noise of both is more than a factor of ``AGREEING`` apart, the
    measured one holds.

    Args:
        measured: noise between frames.
        stated: what the files state, typical of this picture; ``None`` if they state nothing.
        comparable: whether there were frames to measure between.
    """
    # What is measured between frames is never white to the last digit: that is of one frame alone.
    between = comparable and not measured.is_white
    if stated is None:
        if between:
            return SettledNoise(measured, NoiseSource.MEASURED)
        return SettledNoise(measured, NoiseSource.ALONE, _ALONE if comparable else "")
    if not between:
        return SettledNoise(stated, NoiseSource.PROFILE)
    low, high = sorted((stated.typical_std, measured.typical_std))
    if high <= AGREEING * low:
        return SettledNoise(stated, NoiseSource.PROFILE)
    note = (
        f"the NoiseProfile says {255 * stated.typical_std:.1f} levels of 255, but frames differ as "
        f"by {255 * measured.typical_std:.1f}: the measured noise is taken"
    )
    return SettledNoise(measured, NoiseSource.MEASURED, note)
