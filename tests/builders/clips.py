"""Clips for tests: small, of a photograph that moves or stands still."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.video import ClipForm, Sampling, Y4MWriter, open_clip, rgb_to_frame
from edge_sdk.video.form import Frame

FORM = ClipForm(64, 48, Sampling.C420MPEG2, Fraction(25), Fraction(1))


def moving(
    count: int, form: ClipForm = FORM, step_px: int = 1, noise_std: float = 0
) -> list[Tensor]:
    """A photograph that goes by, float32 [3, height, width] in [0, 1]."""
    photo = example_photo("coffee")[:, 100:, 150:]
    generator = torch.Generator().manual_seed(0)
    frames = [
        photo[:, : form.height, step_px * index : step_px * index + form.width]
        for index in range(count)
    ]
    return [
        (each + noise_std * torch.randn(each.shape, generator=generator)).clamp(0, 1)
        for each in frames
    ]


def write_clip(path: Path, frames: Iterable[Tensor | Frame], form: ClipForm = FORM) -> Path:
    """Write frames, or colors that become frames, as a Y4M."""
    with path.open("wb") as file:
        writer = Y4MWriter(file, form)
        for each in frames:
            writer.put(rgb_to_frame(each, form) if isinstance(each, Tensor) else each)
    return path


def read_clip(path: Path) -> tuple[ClipForm, list[Frame]]:
    """Form and frames of a clip."""
    with open_clip(path) as clip:
        return clip.form, list(clip.frames())


def random_frame(form: ClipForm, seed: int = 0) -> Frame:
    """Planes of levels that are drawn."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randint(0, 256, size, generator=generator, dtype=torch.uint8)
        for size in form.plane_sizes
    )
