"""Registration of frames to a reference: coarse search, Gauss–Newton, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.config import RegistrationConfig
from edge_sdk.registration.field import MotionField
from edge_sdk.registration.field_finder import FieldFinder, FrameField
from edge_sdk.registration.gauss_newton import Refined
from edge_sdk.registration.global_motion import SEARCHED_SHARE, GlobalFinder
from edge_sdk.registration.pyramid import build_pyramid, level_matrix
from edge_sdk.registration.repetition import Repetition
from edge_sdk.registration.result import Registration

QUANTIZATION = (1 / 255) ** 2 / 6
"""Variance of the difference of two values rounded to 8 bits."""
NOISE_MARGIN = 1.3
"""Variance of a difference, over that of the estimated noise, up to which it counts as noise."""
PIXELS_AT_ONCE = 1_000_000
"""Frames are aligned together as long as they have no more pixels than this."""


class Registrar:
    """A reference, prepared once, to which frames are aligned as they come.

    Nothing throws on a dark, flat or foreign picture: such a frame comes back not accepted. Where
    no motion can be found because there is nothing to see, and the frame at rest differs from the
    reference by noise and brightness only, any motion would do: it is accepted, at rest.

    Args:
        reference: float32 [1, H, W] in [0, 1], one channel, such as luma.
        config: settings; the defaults suit hand-held bursts.
        noise_std: noise of one frame on the same values; 0 if there is none or it is unknown.

    Example:
        >>> import torch
        >>> from edge_sdk.registration import Registrar
        >>> luma = torch.nn.functional.avg_pool2d(torch.rand(1, 100, 120), 5, 1)
        >>> registrar = Registrar(luma[:, :80, :100])
        >>> (found,) = registrar.register(luma[None, :, 3:83, :100])
        >>> round(found.motion.shift_y_px)
        -3
    """

    def __init__(
        self,
        reference: Tensor,
        config: RegistrationConfig | None = None,
        noise_std: float = 0.0,
    ) -> None:
        if reference.ndim != 3 or reference.shape[0] != 1 or reference.numel() == 0:
            raise InputError(
                f"a reference of shape {tuple(reference.shape)} cannot be aligned to; give one "
                "channel, [1, H, W]"
            )
        self.config = config or RegistrationConfig()
        self.noise_std = noise_std
        self.shape = reference.shape
        self.halvings = 0
        height, width = reference.shape[-2:]
        while height * width > self.config.max_pixels:
            height, width, self.halvings = height // 2, width // 2, self.halvings + 1
        self._smooth = self._smoothed(reference[None])
        self._levels = build_pyramid(self._smooth, self.config.coarsest_px)
        reach_px = max(self.config.max_shift_px, SEARCHED_SHARE * min(self.shape[-2:]))
        reach_px /= 2**self.halvings
        self._global = GlobalFinder(self._levels, self.config, reach_px)
        self._repetition = Repetition.of(self._smooth, self._global.normals, self.config, reach_px)
        self._finder = FieldFinder(
            self._levels, self._global.template, self.config.max_points, self.config.tile_px
        )

    @property
    def repeats(self) -> bool:
        """Whether the reference looks like itself some pixels away."""
        return self._repetition is not None

    def register(self, frames: Tensor) -> tuple[Registration, ...]:
        """Align frames to the reference.

        Args:
            frames: float32 [N, 1, H, W] in [0, 1], of the size of the reference.

        Returns:
            One result per frame, in order.

        Raises:
            InputError: if the sizes differ.
        """
        check_frames(frames, self.shape)
        together = max(1, PIXELS_AT_ONCE // self._smooth.numel())
        found: list[Registration] = []
        for start in range(0, len(frames), together):
            found += self._registered(self._smoothed(frames[start : start + together]))
        return tuple(found)

    def _registered(self, smooth: Tensor) -> list[Registration]:
        levels = build_pyramid(smooth, self.config.coarsest_px)
        refined = self._global.find(levels)
        decided = [True] * len(smooth)
        if self._repetition is not None:
            refined, decided = self._repetition.settled(levels[0], refined)
        fields: Sequence[FrameField | None] = [None] * len(smooth)
        if self.config.field:
            fields = self._finder.find(levels, refined)
        return [
            self._judged(refined, found, index, levels[0][index], decided[index])
            for index, found in enumerate(fields)
        ]

    def _smoothed(self, frames: Tensor) -> Tensor:
        """Frames [N, 1, H, W] as they are compared: halved until they are small enough, blurred."""
        for _ in range(self.halvings):
            height, width = frames.shape[-2:]
            even = frames[..., : height - height % 2, : width - width % 2]
            frames = torch.nn.functional.avg_pool2d(even, 2)
        return gaussian_blur(frames, self.config.smooth_px)

    def _alike_at_rest(self, smooth: Tensor) -> bool:
        """Whether a smoothed frame differs from the reference by noise and brightness only."""
        impulse = torch.zeros(1, 1, 31, 31)
        impulse[..., 15, 15] = 1.0
        passed = float(gaussian_blur(impulse, self.config.smooth_px).square().sum())
        noise = 2 * self.noise_std**2 * passed + QUANTIZATION
        difference = smooth - self._smooth[0]
        expected = noise / 4**self.halvings
        alike: bool = float(difference.var(correction=0)) <= NOISE_MARGIN * expected
        return alike

    def _judged(
        self,
        refined: Refined,
        found: FrameField | None,
        index: int,
        smooth: Tensor,
        decided: bool,
    ) -> Registration:
        config = self.config
        matrix = self._full(refined.matrices[index])
        overlap = float(refined.overlap[index])
        explained = float(refined.explained[index])
        reason = ""
        if not bool(torch.isfinite(matrix).all()):
            matrix = torch.eye(3, dtype=torch.float64)
            reason = "no motion could be found"
        elif overlap < config.min_overlap:
            reason = f"shows only {overlap:.0%} of the reference"
        elif explained < config.min_explained:
            reason = f"does not match the reference (correlation² {explained:.2f})"
        elif not decided and self._repetition is not None:
            period_px = self._repetition.period_px * 2**self.halvings
            reason = f"fits in several places: the scene repeats every {period_px:.0f} px"
        rests = bool(reason) and self._repetition is None and self._alike_at_rest(smooth)
        if rests:
            matrix = torch.eye(3, dtype=torch.float64)
            overlap, reason = 1.0, ""
        return Registration(
            matrix,
            float(refined.residual_std[index]),
            overlap,
            explained,
            not reason,
            self._field(matrix, None if reason or rests else found),
            reason,
        )

    def _field(self, matrix: Tensor, found: FrameField | None) -> MotionField:
        height, width = self.shape[-2:]
        if found is None:
            return MotionField(matrix, height, width)
        offsets = found.offsets_px
        if offsets is not None:
            offsets = offsets * 2**self.halvings
        return MotionField(matrix, height, width, offsets, found.confidence, found.support)

    def _full(self, matrix: Tensor) -> Tensor:
        size = self.shape
        scaling = torch.eye(3, dtype=torch.float64)
        for _ in range(self.halvings):
            scaling = scaling @ level_matrix(size, like=matrix)
            size = torch.Size((size[-2] // 2, size[-1] // 2))
        full: Tensor = scaling @ matrix @ torch.linalg.inv(scaling)
        return full


def register(
    reference: Tensor,
    frames: Tensor,
    config: RegistrationConfig | None = None,
    noise_std: float = 0.0,
) -> tuple[Registration, ...]:
    """Estimate the motion of every frame against the reference, as :class:`Registrar` does.

    Args:
        reference: float32 [1, H, W] in [0, 1], one channel, such as luma.
        frames: float32 [N, 1, H, W].
        config: settings; the defaults suit hand-held bursts.
        noise_std: noise of one frame on the same values; 0 if there is none or it is unknown.

    Returns:
        One result per frame, in order.

    Raises:
        InputError: if the sizes differ.

    Example:
        >>> import torch
        >>> from edge_sdk.registration import register
        >>> luma = torch.nn.functional.avg_pool2d(torch.rand(1, 100, 120), 5, 1)
        >>> frames = torch.stack((luma[:, 3:83, 2:102], luma[:, 5:85, :100]))
        >>> for each in register(luma[:, :80, :100], frames):
        ...     print(round(each.motion.shift_x_px), round(each.motion.shift_y_px))
        -2 -3
        0 -5
    """
    return Registrar(reference, config, noise_std).register(frames)


def check_frames(frames: Tensor, shape: torch.Size) -> None:
    """Check that frames [N, 1, H, W] are of the size of a reference of that shape, [1, H, W].

    Raises:
        InputError: if they are not.
    """
    if frames.shape[1:] != shape:
        raise InputError(
            f"frames {tuple(frames.shape)} do not match the reference {tuple(shape)}; "
            "give frames [N, 1, H, W] and a reference [1, H, W]"
        )
