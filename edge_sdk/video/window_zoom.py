"""Burst zoom of a clip: each frame from those around it, in a window that slides."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

import torch
from torch import Tensor

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.converted.by_name import ZoomNetwork, zoom_network
from edge_sdk.burst.pipeline import SMALLEST_FRAME_PX, zoom
from edge_sdk.digests import file_sha256
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import resize_bicubic
from edge_sdk.progress import Progress
from edge_sdk.version import __version__
from edge_sdk.video.color import frame_to_rgb, rgb_to_frame
from edge_sdk.video.form import ClipForm, Frame, same_frames
from edge_sdk.video.making import MadeClip, make_clip
from edge_sdk.video.opening import ClipOptions

Entry = TypeVar("Entry")
DEFAULT_WINDOW = 7
"""Frames that an output frame is made of, unless another number is requested."""
WINDOWS = range(1, 32, 2)
"""Lengths of a window: odd, so that it has a middle; all its frames are in memory."""


def zoom_clip(
    source: str | Path | BinaryIO,
    output: str | Path,
    window: int = DEFAULT_WINDOW,
    config: ZoomConfig | None = None,
    options: ClipOptions | None = None,
    *,
    model: str | None = None,
    resume: bool = False,
    on_progress: Progress | None = None,
) -> MadeClip:
    """Zoom a clip: each frame is a burst zoom of the frames around it, itself the reference.

    At both ends of the clip the window holds what there is. Frames that repeat another of the
    window bit for bit are left out of it: they bring nothing, and their noise is no second draw.
    So what stands still is the same picture in every frame, to the bit.

    Args:
        source: a clip, as :func:`enhance_clip` takes it.
        output: likewise.
        window: frames that each is made of, odd, 1 to 31.
        config: settings of the zoom, without a reference and a crop.
        options: what the clip does not say itself.
        model: as in :func:`edge_sdk.zoom_files`.
        resume: go on with a ``.y4m`` that was begun.
        on_progress: told of every frame.

    Raises:
        InputError: if the window or a setting does not fit, or the clip to resume is another.
        ModelError: if there is no such model.
        PictureError: if the clip is none, holds no frame, is too small, ends early or changes its
            size.
        OutputError: if the result cannot be written.

    Example:
        >>> import torch
        >>> from edge_sdk.video import ClipForm, Sampling, Y4MWriter, zoom_clip
        >>> form = ClipForm(48, 32, Sampling.MONO)
        >>> with open("clip.y4m", "wb") as file:
        ...     writer = Y4MWriter(file, form)
        ...     for _ in range(3):
        ...         writer.put((torch.full((32, 48), 90, dtype=torch.uint8),))
        >>> made = zoom_clip("clip.y4m", "zoomed.y4m", window=3)
        >>> made.frames, made.width, made.height
        (3, 96, 64)
    """
    config = config or ZoomConfig()
    if window not in WINDOWS:
        raise InputError(
            f"a window has an odd number of frames, {WINDOWS[0]} to {WINDOWS[-1]}, not {window}"
        )
    if config.reference is not None or config.crop is not None:
        raise InputError("every frame of a clip is zoomed whole; leave reference and crop out")
    network = zoom_network(model, config.scale)
    settings = f"zoom {window} {config} {_named(model)} {__version__}"
    work = WindowZoom(window, network, config, settings)
    return make_clip(source, output, work, options, resume=resume, on_progress=on_progress)


class WindowZoom:
    """What the burst zoom does to the frames of a clip.

    Args:
        window: frames that each is made of, odd.
        network: what the zoom is computed with.
        config: settings of the zoom.
        settings: all that the result depends on beside the clip.
    """

    def __init__(
        self, window: int, network: ZoomNetwork, config: ZoomConfig, settings: str
    ) -> None:
        self._reach = window // 2
        self._network = network
        self._config = config
        self.settings = settings

    def size(self, form: ClipForm) -> tuple[int, int]:
        """Width and height of the result."""
        if min(form.width, form.height) < SMALLEST_FRAME_PX:
            raise PictureError(
                f"frames of {form.width}×{form.height} px are too small to zoom; give at least "
                f"{SMALLEST_FRAME_PX}×{SMALLEST_FRAME_PX} px"
            )
        return self._config.scale * form.width, self._config.scale * form.height

    def frames(
        self, frames: Iterator[Frame], form: ClipForm, target: ClipForm, done: int
    ) -> Iterator[Frame]:
        """Frames of the result from number ``done`` on."""
        coming = (_Held(frame, form) for frame in frames)
        before: tuple[list[Frame], int, Frame] | None = None
        for index, (held, reference) in enumerate(windows(coming, self._reach)):
            if index < done:
                continue
            kept, place = _distinct(held, reference)
            if before is None or not _same(before, kept, place):
                pixels = self._zoomed([each.rgb for each in kept], place, target)
                made = rgb_to_frame(pixels, target)
                before = [each.frame for each in kept], place, made
            yield before[2]

    def _zoomed(self, frames: Sequence[Tensor], reference: int, target: ClipForm) -> Tensor:
        config = replace(self._config, scale=self._network.scale, reference=reference)
        pixels = zoom(torch.stack(tuple(frames)), self._network.network, config).pixels
        size = (target.height, target.width)
        if pixels.shape[1:] == size:
            return pixels
        return resize_bicubic(pixels, size=size).clamp(0, 1)


class _Held:
    """A frame in the window; its colors are made once, whichever windows it is in."""

    def __init__(self, frame: Frame, form: ClipForm) -> None:
        self.frame = frame
        self._form = form

    @cached_property
    def rgb(self) -> Tensor:
        return frame_to_rgb(self.frame, self._form).contiguous()


def windows(coming: Iterator[Entry], reach: int) -> Iterator[tuple[list[Entry], int]]:
    """Each entry with up to ``reach`` before and after it, and its place among them."""
    held: deque[Entry] = deque()
    place = 0
    for entry in coming:
        held.append(entry)
        if len(held) <= reach + place:
            continue
        yield list(held), place
        if place == reach:
            held.popleft()
        else:
            place += 1
    while len(held) > place:
        yield list(held), place
        if place == reach:
            held.popleft()
        else:
            place += 1


def _distinct(held: Sequence[_Held], reference: int) -> tuple[list[_Held], int]:
    """Frames of a window without those that repeat another, in order, and the reference's place."""
    kept = [held[reference]]
    places = [reference]
    for place, each in enumerate(held):
        if not any(same_frames(each.frame, other.frame) for other in kept):
            kept.append(each)
            places.append(place)
    order = sorted(range(len(kept)), key=places.__getitem__)
    return [kept[index] for index in order], order.index(0)


def _same(before: tuple[list[Frame], int, Frame], kept: Sequence[_Held], place: int) -> bool:
    frames, reference, _ = before
    return (
        reference == place
        and len(frames) == len(kept)
        and all(same_frames(one, each.frame) for one, each in zip(frames, kept, strict=True))
    )


def _named(model: str | None) -> str:
    path = Path(model or "")
    return file_sha256(path) if path.is_file() else str(model)
