"""Clips in containers (mp4, mov, avi, mkv, webm), which OpenCV decodes to red, green and blue."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.quiet import quiet_stderr
from edge_sdk.video.form import ClipForm, Frame, Matrix, Sampling, Swing, usual_matrix

USUAL_CODECS = {".mp4": "mp4v", ".mov": "mp4v", ".avi": "MJPG", ".mkv": "mp4v", ".webm": "VP90"}
"""Suffix of a container that is read and written, and the codec it is written with."""
TRIED_CODECS = ("avc1", "hvc1", "mp4v", "MJPG", "VP80", "VP90", "AV01", "FFV1")
"""Codecs that a refusal says are there, where they are."""
_MOST_FPS_PART = 1001


class ContainerClip:
    """A clip that is read from a container.

    OpenCV mixes red, green and blue by BT.601, limited range, whatever the container says.

    Args:
        path: the container.
        matrix: of luma and chroma that are made of the frames; by height if not given.
        swing: likewise; limited if not given.

    Attributes:
        name: for messages.
        form: what every frame is: red, green and blue.
        expected: frames that the container says it has; ``None`` if it does not.
        note: that fewer frames could be read than the container says; else empty.

    Raises:
        PictureError: if it cannot be opened, or has no pictures.

    Example:
        >>> import torch
        >>> from edge_sdk.video import ClipForm, ContainerClip, ContainerWriter, Sampling
        >>> form = ClipForm(64, 48, Sampling.RGB)
        >>> writer = ContainerWriter("gray.avi", form)
        >>> for _ in range(3):
        ...     writer.put((torch.full((48, 64), 128, dtype=torch.uint8),) * 3)
        >>> writer.close()
        >>> clip = ContainerClip("gray.avi")
        >>> clip.form.width, str(clip.form.fps), len(list(clip.frames()))
        (64, '25', 3)
    """

    def __init__(
        self, path: str | Path, matrix: Matrix | None = None, swing: Swing | None = None
    ) -> None:
        import cv2

        self.name = str(path)
        self.note = ""
        with quiet_stderr():
            self._capture: Any = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise PictureError(
                f"{path}: OpenCV finds no video that it can decode in it; make a Y4M of it: "
                "ffmpeg -i CLIP OUT.y4m"
            )
        width, height = (
            int(self._capture.get(each))
            for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if min(width, height) < 1:
            raise PictureError(f"{path}: its video has no size; get a whole copy")
        aspect = [self._capture.get(each) for each in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN)]
        self.form = ClipForm(
            width,
            height,
            Sampling.RGB,
            _rate(self._capture.get(cv2.CAP_PROP_FPS)),
            Fraction(int(aspect[0]), int(aspect[1])) if min(aspect) >= 1 else None,
            matrix or usual_matrix(height),
            swing or Swing.LIMITED,
        )
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.expected = count if count > 0 else None

    def frames(self) -> Iterator[Frame]:
        """The frames, one after the other.

        Raises:
            PictureError: if the clip changes its size.
        """
        index = 0
        while True:
            with quiet_stderr():
                there, pixels = self._capture.read()
            if not there:
                break
            height, width = pixels.shape[:2]
            if (height, width) != (self.form.height, self.form.width):
                raise PictureError(
                    f"{self.name}: frame {index} is {width}×{height} px and those before are "
                    f"{self.form.width}×{self.form.height} px; part the clip there"
                )
            blue, green, red = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
            yield (red, green, blue)
            index += 1
        if self.expected is not None and index < self.expected:
            self.note = f"{self.name} says it has {self.expected} frames, of which {index} are read"

    def close(self) -> None:
        """Release the container."""
        self._capture.release()


class ContainerWriter:
    """Writes frames to a container.

    Args:
        path: of the container; its suffix names the kind.
        form: of the clip: red, green and blue, with even sides.
        codec: four letters that name it; ``None`` for the usual one of the container.
        asked: path that messages name, where ``path`` is a temporary one.

    Raises:
        InputError: if the suffix is unknown, a side is odd, or the codec's name has not 4 letters.
        OutputError: if the codec is not there.

    Example:
        >>> from edge_sdk.video import ClipForm, ContainerWriter, Sampling
        >>> ContainerWriter("clip.mp4", ClipForm(64, 48, Sampling.RGB), codec="none")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.OutputError: clip.mp4: codec none is not there for .mp4; ...
    """

    def __init__(
        self,
        path: str | Path,
        form: ClipForm,
        codec: str | None = None,
        asked: str | Path | None = None,
    ) -> None:
        path, name = Path(path), str(asked or path)
        suffix = path.suffix.lower()
        if suffix not in USUAL_CODECS:
            raise InputError(f"{name}: is no container; use one of {', '.join(USUAL_CODECS)}")
        if form.width % 2 or form.height % 2:
            raise InputError(
                f"{name}: {form.width}×{form.height} px have an odd side, which OpenCV cuts off; "
                "write a .y4m"
            )
        codec = codec or USUAL_CODECS[suffix]
        if len(codec) != 4 or not codec.isascii():
            raise InputError(f"a codec is named by four letters, such as mp4v, not {codec!r}")
        self._writer = _opened(path, codec, form)
        self._name = name
        if not self._writer.isOpened():
            there = ", ".join(each for each in TRIED_CODECS if _is_there(path, each)) or "none"
            raise OutputError(
                f"{name}: codec {codec} is not there for {suffix}; name another by --codec (there: "
                f"{there}), or write .y4m and let FFmpeg encode it: install ffmpeg, then ffmpeg -i "
                "OUT.y4m OUT.mp4"
            )

    def put(self, frame: Frame) -> None:
        """Write a frame of red, green and blue."""
        red, green, blue = frame
        with quiet_stderr():
            self._writer.write(torch.stack((blue, green, red), -1).numpy())

    def close(self) -> None:
        """Finish the container."""
        with quiet_stderr():
            self._writer.release()


def _opened(path: Path, codec: str, form: ClipForm) -> Any:
    import cv2

    with quiet_stderr():
        return cv2.VideoWriter(
            str(path),
            cv2.VideoWriter.fourcc(*codec),
            float(form.fps or 25),
            (form.width, form.height),
        )


def _is_there(path: Path, codec: str) -> bool:
    beside = path.with_name(f".{path.stem}.codec{path.suffix}")
    try:
        writer = _opened(beside, codec, ClipForm(64, 64, Sampling.RGB))
        there = bool(writer.isOpened())
        writer.release()
        return there
    finally:
        beside.unlink(missing_ok=True)


def _rate(fps: float) -> Fraction | None:
    """Frames a second as the ratio that was meant: 29.97 is 30000/1001."""
    if not 0 < fps < 10_000:
        return None
    for ratio in (Fraction(round(fps)), Fraction(1000 * round(fps * 1.001), _MOST_FPS_PART)):
        if abs(float(ratio) - fps) < 0.005:
            return ratio
    return Fraction(fps).limit_denominator(_MOST_FPS_PART)
