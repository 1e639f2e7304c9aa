"""Settings of registration."""

from __future__ import annotations

from dataclasses import dataclass

from edge_sdk.errors import InputError
from edge_sdk.registration.models import MODELS, MotionModel


@dataclass(frozen=True)
class RegistrationConfig:
    """Settings of :func:`edge_sdk.registration.registrar`.

    Attributes:
        model: motion of a whole frame; gain and offset are always free.
        max_shift_px: largest shift that the coarse search covers, in each direction; a tenth of
            the shorter side is covered in any case.
        smooth_px: standard deviation of the blur before the finest level, against noise.
        coarsest_px: shorter side of the coarsest pyramid level.
        max_pixels: a larger picture is halved until it has no more pixels than this; positions
            keep the unit of the picture given.
        max_points: pixels of the reference that take part on each level.
        coarse_iterations: most Gauss–Newton steps on each coarse level.
        fine_iterations: most Gauss–Newton steps on the finest level.
        tolerance_px: movement under which a level counts as done.
        min_overlap: share of the reference that a frame must show to be used.
        min_explained: squared correlation with the reference that a frame must reach.
        field: whether motion may vary over the picture; it does only in frames that show it.
        tile_px: side of a tile of that field, on the finest level.

    Example:
        >>> from edge_sdk.registration import RegistrationConfig
        >>> config = RegistrationConfig(model="homography", field=False)
        >>> config.max_shift_px
        64.0
    """

    model: MotionModel = "euclidean"
    max_shift_px: float = 64.0
    smooth_px: float = 1.0
    coarsest_px: int = 32
    max_pixels: int = 4_000_000
    max_points: int = 20_000
    coarse_iterations: int = 12
    fine_iterations: int = 10
    tolerance_px: float = 4e-3
    min_overlap: float = 0.25
    min_explained: float = 0.25
    field: bool = True
    tile_px: int = 32

    def __post_init__(self) -> None:
        checks = (
            (self.model in MODELS, f"motion model must be {' or '.join(MODELS)}, not {self.model}"),
            (self.max_shift_px >= 0, f"max shift must be 0 px or more, not {self.max_shift_px}"),
            (self.smooth_px >= 0, f"smoothing must be 0 px or more, not {self.smooth_px}"),
            (self.coarsest_px >= 8, f"coarsest level must be 8 px or more, not {self.coarsest_px}"),
            (self.max_pixels >= 4096, f"max pixels must be 4096 or more, not {self.max_pixels}"),
            (self.max_points >= 256, f"max points must be 256 or more, not {self.max_points}"),
            (
                min(self.coarse_iterations, self.fine_iterations) >= 1,
                "each level needs 1 iteration or more",
            ),
            (self.tolerance_px > 0, f"tolerance must be above 0 px, not {self.tolerance_px}"),
            (0 < self.min_overlap <= 1, f"overlap must be in (0, 1], not {self.min_overlap}"),
            (0 <= self.min_explained <= 1, f"explained must be 0 to 1, not {self.min_explained}"),
            (self.tile_px >= 8, f"tiles must have 8 px or more, not {self.tile_px}"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)
