"""Settings of a burst zoom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.quality import FAST_FRAMES, Quality
from edge_sdk.burst.stages.blur import MAX_LENS_PX
from edge_sdk.burst.stages.restore import RestoreConfig
from edge_sdk.burst.stages.steering import SteeringConfig
from edge_sdk.errors import InputError
from edge_sdk.imaging.rectangle import Rectangle as Rectangle
from edge_sdk.registration import RegistrationConfig

SCALES = (1, 2, 3, 4)
MAX_REFERENCE_WEIGHT = 100


@dataclass(frozen=True)
class ZoomConfig:
    """Settings of :func:`zoom`.

    Attributes:
        scale: enlargement, 1 (denoise only) to 4; a network has its own alone.
        reference: 0-based frame to zoom; ``None`` for the sharpest.
        crop: what of the reference is enlarged; ``None`` for all of it. Of large frames, a window
            around it is aligned where all are found in that.
        reference_weight: weight of the reference's samples; those of other frames weigh 1.
        noise_std: noise of a frame on values in [0, 1], white and the same in all colors; ``None``
            to measure it.
        strength: how far the picture is taken from the bicubic enlargement of the reference alone,
            0, to the full result, 1; between them the two are mixed.
        provenance: whether to keep a map of what each frame contributed.
        registration: settings of the alignment.
        steering: how kernels follow edges; converted stages hold the defaults.
        restore: settings of the restoration without a network.
        lens_std_px: standard deviation of the lens blur in pixels of a frame, 0 to 1; ``None`` to
            estimate it.
        quality: how much pains are taken.
        noise: noise of a frame by color and level, instead of ``noise_std``.
        stated_noise: noise that the files of the frames state; it holds where none is given and
            frames differ by half to twice as much.

    Example:
        >>> from edge_sdk import Rectangle, ZoomConfig
        >>> config = ZoomConfig(scale=3, crop=Rectangle(left=20, top=10, width=64, height=48))
        >>> config.reference is None
        True
        >>> ZoomConfig(scale=5)
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: scale 5 is not one of 1, 2, 3, 4
    """

    scale: int = 2
    reference: int | None = None
    crop: Rectangle | None = None
    reference_weight: float = 1.5
    noise_std: float | None = None
    strength: float = 1.0
    provenance: bool = False
    registration: RegistrationConfig = field(default_factory=RegistrationConfig)
    steering: SteeringConfig = field(default_factory=SteeringConfig)
    restore: RestoreConfig = field(default_factory=RestoreConfig)
    noise: Noise | None = None
    stated_noise: Noise | None = None
    lens_std_px: float | None = None
    quality: Quality = Quality.BEST

    @property
    def most_frames(self) -> int | None:
        """Frames that are taken at most, the sharpest; ``None`` for all."""
        return FAST_FRAMES if self.quality is Quality.FAST else None

    @property
    def restoration(self) -> RestoreConfig:
        """Settings of the restoration without a network, in this quality."""
        steps = min(self.restore.steps, 1) if self.quality is Quality.FAST else self.restore.steps
        return replace(self.restore, steps=steps)

    @property
    def given_noise(self) -> Noise | None:
        """Noise that the caller gave, by one number or by curves; ``None`` to measure it."""
        return self.noise if self.noise_std is None else Noise.white(self.noise_std)

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            known = ", ".join(str(scale) for scale in SCALES)
            raise InputError(f"scale {self.scale} is not one of {known}")
        if not 1 <= self.reference_weight <= MAX_REFERENCE_WEIGHT:
            raise InputError(
                f"the reference weighs at least as much as another frame: 1 to "
                f"{MAX_REFERENCE_WEIGHT}, not {self.reference_weight}"
            )
        if self.noise_std is not None and not 0 <= self.noise_std <= 1:
            raise InputError(f"noise must be 0 to 1, not {self.noise_std}")
        if self.noise_std is not None and self.noise is not None:
            raise InputError("noise and noise_std exclude each other; give one of them")
        if self.lens_std_px is not None and not 0 <= self.lens_std_px <= MAX_LENS_PX:
            raise InputError(
                f"a lens blur of {self.lens_std_px:g} px cannot be undone; give its standard "
                f"deviation, 0 to {MAX_LENS_PX:g} px of a frame"
            )
        if not 0 <= self.strength <= 1:
            raise InputError(
                f"strength must be 0 (bicubic) to 1 (the full result), not {self.strength:g}"
            )
