"""Settings of registration."""

from __future__ import annotations

from dataclasses import dataclass

from edge_sdk.errors import InputError
from edge_sdk.registration.models import MODELS, MotionModel


@dataclass(frozen=True)
class RegistrationConfig:
    """Settings of :class:`~edge_sdk.registration.registrar.Registrar`.

    Attributes:
        model: motion of a whole frame; gain and offset are always free.
        max_shift_px: largest shift that the coarse search covers, in each direction; a tenth of
            the shorter side is covered in any case.
        max_pixels: levels of more pixels than this are not compared: the one above says enough.
            Positions keep the unit of the picture given.
        min_overlap: share of the reference that a frame must show to be used.
        min_explained: squared correlation with the reference that a frame must reach, times the
            root of the share that it shows.
        field: whether motion may vary over the picture; it does only in frames that show it.
        tile_px: side of a tile of that field, on the finest level that is compared.

    Example:
        >>> from edge_sdk.registration import RegistrationConfig
        >>> config = RegistrationConfig(model="homography", field=False)
        >>> config.max_shift_px
        64.0
    """

    model: MotionModel = "euclidean"
    max_shift_px: float = 64.0
    max_pixels: int = 4_000_000
    min_overlap: float = 0.25
    min_explained: float = 0.25
    field: bool = True
    tile_px: int = 32

    def __post_init__(self) -> None:
        checks = (
            (self.model in MODELS, f"motion model must be {' or '.join(MODELS)}, not {self.model}"),
            (self.max_shift_px >= 0, f"max shift must be 0 px or more, not {self.max_shift_px}"),
            (self.max_pixels >= 4096, f"max pixels must be 4096 or more, not {self.max_pixels}"),
            (0 < self.min_overlap <= 1, f"overlap must be in (0, 1], not {self.min_overlap}"),
            (0 <= self.min_explained <= 1, f"explained must be 0 to 1, not {self.min_explained}"),
            (self.tile_px >= 8, f"tiles must have 8 px or more, not {self.tile_px}"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)
