"""Registration of frames to a reference: one motion each, what varies, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.registration.alignment.global_motion import FINE_POINTS, GlobalFinder
from edge_sdk.registration.alignment.levels import finer_matrices, levels_of
from edge_sdk.registration.config import RegistrationConfig
from edge_sdk.registration.fields.finder import FieldFinder, FrameField
from edge_sdk.registration.repetition.repetition import Repetition
from edge_sdk.registration.result import Registration
from edge_sdk.registration.stages.stage_set import AlignStages
from edge_sdk.registration.template import make_template
from edge_sdk.registration.verdict import Found, Verdict

PIXELS_AT_ONCE = 1_000_000
"""Frames are aligned together as long as they have no more pixels than this."""
SEARCHED_SHARE = 0.1
"""Shifts up to this share of the shorter side are always searched."""


class Registrar:
    """A reference, prepared once, to which frames are aligned as they come.

    Stages do the arithmetic on pixels (:mod:`edge_sdk.registration.stages`); what repeats and what
    varies over the picture is judged beside them, in plain tensor arithmetic.

    Nothing throws on a dark, flat or foreign picture: a frame that does not match, and one that
    fits in several places, comes back not accepted. Where no motion can be found because there is
    nothing to see, and the frame at rest differs from the reference by noise and brightness only,
    any motion would do: it is accepted, at rest.

    Args:
        reference: float32 [1, H, W] in [0, 1], one channel, such as luma.
        config: settings; the defaults suit hand-held bursts.
        noise_std: noise of one frame on the same values; 0 if there is none or it is unknown.
        stages: what runs the stages; PyTorch by default.

    Example:
        >>> import torch
        >>> from edge_sdk.registration import Registrar
        >>> generator = torch.Generator().manual_seed(0)
        >>> luma = torch.rand(1, 100, 120, generator=generator)
        >>> luma = torch.nn.functional.avg_pool2d(luma, 5, 1)
        >>> registrar = Registrar(luma[:, :80, :100])
        >>> (found,) = registrar.register(luma[None, :, 3:83, :100])
        >>> found.accepted, round(found.motion.shift_y_px)
        (True, -3)
    """

    def __init__(
        self,
        reference: Tensor,
        config: RegistrationConfig | None = None,
        noise_std: float = 0.0,
        stages: AlignStages | None = None,
    ) -> None:
        if reference.ndim != 3 or reference.shape[0] != 1 or min(reference.shape) < 1:
            raise InputError(
                f"a reference of shape {tuple(reference.shape)} cannot be aligned to; give one "
                "channel, [1, H, W]"
            )
        self.config = config or RegistrationConfig()
        self.shape = reference.shape
        self.stages = stages or AlignStages()
        levels = levels_of(reference[None], self.stages)
        sizes = [math.prod(level.shape) for level in levels]
        self._skipped = next(
            (k for k, size in enumerate(sizes) if size <= self.config.max_pixels), len(sizes) - 1
        )
        self._larger = [level.shape[-2:] for level in levels[: self._skipped]]
        levels = levels[self._skipped :]
        reach_px = max(self.config.max_shift_px, SEARCHED_SHARE * min(self.shape[-2:]))
        fine_reach_px = reach_px / 2**self._skipped
        self._global = GlobalFinder(levels, self.stages, self.config.model, fine_reach_px)
        template = make_template(levels[0], FINE_POINTS)
        self._repetition = Repetition.of(levels[0], template, self.config.model, fine_reach_px)
        self._fields = None
        if self.config.field:
            self._fields = FieldFinder(levels, template, FINE_POINTS, self.config.tile_px)
        period_px = None if self._repetition is None else self._repetition.period_px
        self._verdict = Verdict(
            self.config,
            levels[0],
            noise_std,
            self.shape[-2:],
            2**self._skipped,
            reach_px,
            None if period_px is None else period_px * 2**self._skipped,
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
        if frames.shape[1:] != self.shape:
            raise InputError(
                f"frames {tuple(frames.shape)} do not match the reference {tuple(self.shape)}; "
                "give frames [N, 1, H, W] and a reference [1, H, W]"
            )
        together = max(1, PIXELS_AT_ONCE // math.prod(self.shape))
        found: list[Registration] = []
        for start in range(0, len(frames), together):
            found += self._registered(frames[start : start + together])
        return tuple(found)

    def _registered(self, frames: Tensor) -> list[Registration]:
        of_frames = [levels_of(frame[None], self.stages)[self._skipped :] for frame in frames]
        levels = [torch.cat(each) for each in zip(*of_frames, strict=True)]
        found = self._global.find(
            [level[:, 0].numpy() for level in levels],
            [each[-1] for each in of_frames],
            None if self._repetition is None else self._repetition.away.numpy(),
        )
        motions, undecided = found.motions.lit, found.undecided
        if self._repetition is not None:
            motions, decided = self._repetition.settled(levels[0], motions)
            undecided = ~np.array(decided)
        fields: Sequence[FrameField | None] = [None] * len(frames)
        if self._fields is not None:
            fields = self._fields.find(levels, motions)
        whole = self._whole(motions.matrices)
        return [
            self._verdict.of(
                Found(
                    whole[index],
                    float(motions.residual_std[index]),
                    float(found.overlap[index]),
                    float(found.explained[index]),
                    bool(undecided[index]),
                ),
                fields[index],
                levels[0][index],
            )
            for index in range(len(frames))
        ]

    def _whole(self, matrices: Tensor) -> Tensor:
        """Motions on the level that is compared, on whole pictures."""
        finer = matrices.numpy()
        for size in reversed(self._larger):
            finer = finer_matrices(finer, *size)
        return torch.from_numpy(finer / finer[:, 2:, 2:])


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
