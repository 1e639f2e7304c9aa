"""A clip through a network, frame by frame: luma as it is, or by red, green and blue."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, get_args

from torch import Tensor

from edge_sdk.deploy.enhancement import DEFAULT_MODEL, NetworkRunner
from edge_sdk.digests import file_sha256
from edge_sdk.emulate.runtimes.names import TORCH, runtime_name
from edge_sdk.errors import InputError
from edge_sdk.models import Color, Network, PictureSpec, enhance_picture, enhance_planes
from edge_sdk.models.picture import Chroma
from edge_sdk.progress import Progress
from edge_sdk.version import __version__
from edge_sdk.video.chroma import enlarged_chroma
from edge_sdk.video.color import frame_to_rgb, levels_of, rgb_to_frame
from edge_sdk.video.form import ClipForm, Frame, Sampling, Swing, same_frames
from edge_sdk.video.making import MadeClip, make_clip
from edge_sdk.video.opening import ClipOptions
from edge_sdk.zoo.networks import picture_network


def enhance_clip(
    source: str | Path | BinaryIO,
    output: str | Path,
    model: str | Path | Network = DEFAULT_MODEL,
    runtime: str = TORCH,
    options: ClipOptions | None = None,
    *,
    chroma: Chroma = "bicubic",
    resume: bool = False,
    keep_branches: bool = False,
    on_progress: Progress | None = None,
) -> MadeClip:
    """Enhance a clip with a network and write it with the same matrix, range, rate and aspect.

    A network for luma gets Y as it is, in the limited range that it has learned (full range is
    mapped to it and back); U and V are interpolated where their samples lie. A network for RGB
    gets the frames as red, green and blue, and so does any where the clip is in a container.
    A frame that repeats the one before is made once, so that what stands still stays so to the bit.

    Args:
        source: a file (``.y4m``; ``.yuv``, ``.i420``, ``.nv12``; ``.mp4``, ``.mov``, ``.avi``,
            ``.mkv``, ``.webm``), ``-`` for standard input, or a stream that is open.
        output: such a file, or ``-`` for standard output.
        model: shipped name, ``.safetensors`` file, or a network that takes pictures.
        runtime: what computes it, as in :func:`edge_sdk.enhance`.
        options: what the clip does not say itself.
        chroma: interpolation of U and V.
        resume: go on with a ``.y4m`` that was begun.
        keep_branches: run a model that is merged in part as it is.
        on_progress: told of every frame.

    Raises:
        InputError: if options, model or runtime do not fit, or the clip to resume is another.
        ModelError: if there is no such model.
        PictureError: if the clip is none, holds no frame, ends early or changes its size.
        OutputError: if the result cannot be written.
        MissingExtraError: if the runtime, or its converter, is not installed.

    Example:
        >>> import torch
        >>> from edge_sdk.video import ClipForm, Y4MWriter, enhance_clip, frame_to_rgb, open_clip
        >>> with open("clip.y4m", "wb") as file:
        ...     writer = Y4MWriter(file, ClipForm(32, 24))
        ...     for _ in range(2):
        ...         planes = [torch.randint(0, 256, size) for size in ClipForm(32, 24).plane_sizes]
        ...         writer.put(tuple(plane.to(torch.uint8) for plane in planes))
        >>> made = enhance_clip("clip.y4m", "larger.y4m")
        >>> with open_clip("larger.y4m") as clip:
        ...     [tuple(plane.shape) for plane in next(clip.frames())]
        [(48, 64), (24, 32), (24, 32)]
    """
    if chroma not in get_args(Chroma):
        raise InputError(f"chroma '{chroma}' is unknown; choose {' or '.join(get_args(Chroma))}")
    runtime = runtime_name(runtime)
    network = picture_network(
        model if isinstance(model, Network) else str(model), keep_branches=keep_branches
    )
    settings = f"enhance {_named(model)} {runtime} {chroma} {keep_branches} {__version__}"
    with tempfile.TemporaryDirectory() as folder:
        runner = NetworkRunner(network, runtime, Path(folder))
        work = Enhancing(network.spec, runner.for_picture, chroma, settings)
        return make_clip(source, output, work, options, resume=resume, on_progress=on_progress)


class Enhancing:
    """What a network does to the frames of a clip.

    Args:
        spec: of the network.
        for_picture: gives the function that runs it on pictures of a width and height.
        chroma: interpolation of U and V.
        settings: all that the result depends on beside the clip.
    """

    def __init__(
        self,
        spec: PictureSpec,
        for_picture: Callable[[int, int], Callable[[Tensor], Tensor]],
        chroma: Chroma,
        settings: str,
    ) -> None:
        self._spec = spec
        self._for_picture = for_picture
        self._chroma: Chroma = chroma
        self.settings = settings

    def size(self, form: ClipForm) -> tuple[int, int]:
        """Width and height of the result."""
        spec = self._spec
        self._for_picture(form.width, form.height)
        width, height = (
            spec.scale * -(-side // spec.reduction) for side in (form.width, form.height)
        )
        return width, height

    def frames(
        self, frames: Iterator[Frame], form: ClipForm, target: ClipForm, done: int
    ) -> Iterator[Frame]:
        """Frames of the result from number ``done`` on."""
        network = self._for_picture(form.width, form.height)
        before: tuple[Frame, Frame] | None = None
        for index, frame in enumerate(frames):
            if index < done:
                continue
            if before is None or not same_frames(before[0], frame):
                before = frame, self._made(frame, form, target, network)
            yield before[1]

    def _made(
        self, frame: Frame, form: ClipForm, target: ClipForm, network: Callable[[Tensor], Tensor]
    ) -> Frame:
        if self._spec.color is Color.RGB or form.sampling is Sampling.RGB:
            rgb = frame_to_rgb(frame, form, self._chroma)
            made = enhance_picture(rgb, network, spec=self._spec_of(network), chroma=self._chroma)
            return rgb_to_frame(made, target, self._chroma)
        luma = self._luma(frame[0], form, network)
        own = target if target.sampling is form.sampling else _resampled(target, form.sampling)
        scale = Fraction(self._spec.scale, self._spec.reduction)
        planes = (luma, *(
            levels_of(enlarged_chroma(frame[i].float() / 255, i, form, own, scale, self._chroma))
            for i in range(1, form.sampling.planes)
        ))  # fmt: skip
        if own is target:
            return planes
        return rgb_to_frame(frame_to_rgb(planes, own, self._chroma), target, self._chroma)

    def _luma(self, plane: Tensor, form: ClipForm, network: Callable[[Tensor], Tensor]) -> Tensor:
        values = plane.float()[None, None] / 255
        (low, high), full = Swing.LIMITED.luma, form.swing is Swing.FULL
        if full:
            values = (low / 255) + (high / 255) * values
        made = enhance_planes(values, network, spec=self._spec_of(network))[0, 0]
        return levels_of((made - low / 255) * (255 / high) if full else made)

    def _spec_of(self, network: Callable[[Tensor], Tensor]) -> PictureSpec | None:
        return None if isinstance(getattr(network, "spec", None), PictureSpec) else self._spec


def _resampled(form: ClipForm, sampling: Sampling) -> ClipForm:
    return replace(form, sampling=sampling)


def _named(model: str | Path | Network) -> str:
    if isinstance(model, Network):
        return type(model).__name__
    path = Path(model)
    return file_sha256(path) if path.is_file() else str(model)
