"""Enhancing picture files with a model: in PyTorch, or in the runtime that a phone would use."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from edge_sdk.emulate.runtimes.names import RUNTIMES, TORCH, runtime_name
from edge_sdk.emulate.whole_pictures import ArtifactMethod, least_window
from edge_sdk.errors import ConversionError, EdgeSdkError, InputError, OutputError, PictureError
from edge_sdk.imaging import Picture, read_picture, write_picture
from edge_sdk.imaging.encoding import FORMATS
from edge_sdk.imaging.heic import SUFFIXES as HEIC_SUFFIXES
from edge_sdk.models import Network, PictureNetwork, PictureSpec, enhance_picture
from edge_sdk.outputs import check_writable
from edge_sdk.progress import Progress, silent
from edge_sdk.targets import find_converter
from edge_sdk.zoo.networks import example_input, picture_network

DEFAULT_MODEL = "sr_x2_y"
"""What enhances pictures unless another model is requested."""
WINDOW_PX = 128
"""Side of the windows that a converted model takes."""


@dataclass(frozen=True)
class EnhancedPicture:
    """What became of one picture.

    Attributes:
        source: the picture.
        path: where its enhanced form is; ``None`` if it failed.
        width: pixels of the result; 0 if it failed.
        height: the same.
        seconds: time taken, files included.
        notes: what the format of the result could not hold.
        failure: why there is no result; ``None`` if there is.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, enhance, write_picture
        >>> written = write_picture(Picture(torch.rand(3, 20, 30)), "photo.png")
        >>> (result,) = enhance("photo.png", "enhanced")
        >>> result.path.as_posix(), result.width, result.height, result.failure
        ('enhanced/photo.png', 60, 40, None)
    """

    source: Path
    path: Path | None
    width: int
    height: int
    seconds: float
    notes: tuple[str, ...] = ()
    failure: str | None = None


def gather_pictures(subjects: Sequence[Path]) -> list[Path]:
    """Pictures that a user names: files as they are, and all pictures right inside a folder.

    Raises:
        InputError: if there are none, a folder holds none, or two have one name, so that their
            results would have one too.
    """
    found: dict[str, Path] = {}
    for subject in subjects:
        paths = [subject]
        if subject.is_dir():
            read = (*FORMATS, *HEIC_SUFFIXES)
            paths = sorted(path for path in subject.iterdir() if path.suffix.lower() in read)
            if not paths:
                raise InputError(f"{subject}: holds no picture; add {', '.join(read)}")
        for path in paths:
            name = result_name(path)
            other = found.setdefault(name, path)
            if other != path:
                raise InputError(
                    f"{other} and {path} would both become {name}; enhance them one by one"
                )
    if not found:
        raise InputError("no pictures given; name files or folders: edge-sdk enhance PICTURE …")
    return list(found.values())


def result_name(picture: Path) -> str:
    """Name of a picture's enhanced form: its own, or with ``.png`` where HEIC is not written."""
    if picture.suffix.lower() in HEIC_SUFFIXES:
        return f"{picture.stem}.png"
    return picture.name


def check_folder(pictures: Sequence[Path], out: Path) -> None:
    """Create the folder for the results, unless they would replace the pictures themselves.

    Raises:
        InputError: if a picture lies in that folder.
        OutputError: if it cannot be created or written.
    """
    inside = next((path for path in pictures if path.parent.resolve() == out.resolve()), None)
    if inside is not None:
        raise InputError(
            f"{out}: holds {inside.name} itself, which would be written over; give another folder"
        )
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; give the name of a folder")
    check_writable(out / pictures[0].name if out.is_dir() else out)
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be created ({error.strerror})") from error


class NetworkRunner:
    """A network as functions on tensors, computed by a runtime.

    Args:
        network: fused, in evaluation mode.
        runtime: a name in :data:`~edge_sdk.emulate.runtimes.names.RUNTIMES`; for others than
            ``torch`` the network is converted in fp32 with square windows of 128 px, or smaller
            ones where a picture is smaller.
        folder: place for the converted files.

    Raises:
        InputError: if the runtime is unknown.
        MissingExtraError: if it, or its converter, is not installed.
    """

    def __init__(self, network: PictureNetwork, runtime: str, folder: Path) -> None:
        runtime = runtime_name(runtime)
        self._network = network
        self._runtime = runtime
        self._folder = folder
        self._converter = None
        if runtime != TORCH:
            target = RUNTIMES.find(runtime).target
            if target is None:
                raise InputError(f"nothing converts for runtime '{runtime}'; choose another")
            self._converter = find_converter(target)
        self._windows: dict[int, ArtifactMethod] = {}

    def for_picture(self, width: int, height: int) -> Callable[[Tensor], Tensor]:
        """The function for pictures of a size.

        Raises:
            PictureError: if the picture is too small to be cut into windows.
            ConversionError: if the network cannot be converted.
        """
        if self._converter is None:
            return self._network
        spec = self._network.spec
        window_px = min(WINDOW_PX, width, height)
        window_px -= window_px % spec.size_multiple
        if window_px < least_window(spec):
            raise PictureError(
                f"{width}×{height} px is too small for a converted model, whose windows have at "
                f"least {least_window(spec)}×{least_window(spec)} px; {TORCH} takes any size"
            )
        if window_px not in self._windows:
            path = self._folder / f"{window_px}{self._converter.suffix}"
            self._converter.convert(
                self._network, example_input(self._network, window_px, window_px), path, "fp32"
            )
            self._windows[window_px] = ArtifactMethod(path, spec, self._runtime)
        return self._windows[window_px]


def enhance(
    pictures: str | Path | Sequence[str | Path],
    folder: str | Path,
    model: str | Path | Network = DEFAULT_MODEL,
    runtime: str = TORCH,
    on_progress: Progress | None = None,
    *,
    keep_branches: bool = False,
) -> tuple[EnhancedPicture, ...]:
    """Enhance pictures with a model and write them under their own names into a folder.

    A picture that cannot be read, enhanced or written does not stop the others; its result says
    why. EXIF, ICC profile, alpha, gray and 16 bits are kept as far as the picture's format can;
    what was HEIC becomes a PNG.

    Args:
        pictures: a file, a folder of pictures, or several of these.
        folder: takes the results; created if missing; files of the same name are replaced.
        model: shipped name, ``.safetensors`` file, or a network that takes pictures.
        runtime: ``torch``, or a runtime such as ``litert``, for which the model is converted in
            fp32.
        on_progress: told of every window of every picture.
        keep_branches: run a model that is merged in part as it is, instead of merging the rest.

    Returns:
        One result per picture, in order.

    Raises:
        InputError: if there are no pictures, two have one name, one lies in ``folder`` itself, the
            model takes no pictures or has no branches to keep, or the runtime is unknown.
        ModelError: if there is no such model.
        MissingExtraError: if the runtime, or its converter, is not installed.
        OutputError: if the folder cannot be written.
        ConversionError: if the model cannot be converted.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, enhance, write_picture
        >>> Path("photos").mkdir()
        >>> for name in ("a.png", "b.jpg"):
        ...     written = write_picture(Picture(torch.rand(3, 20, 30)), f"photos/{name}")
        >>> results = enhance("photos", "cleaner", model="denoise_rgb")
        >>> [(result.path.as_posix(), result.width) for result in results]
        [('cleaner/a.png', 30), ('cleaner/b.jpg', 30)]
    """
    runtime = runtime_name(runtime)
    named = (pictures,) if isinstance(pictures, str | Path) else pictures
    found = gather_pictures([Path(subject) for subject in named])
    fused = picture_network(
        model if isinstance(model, Network) else str(model), keep_branches=keep_branches
    )
    folder = Path(folder)
    was_there = folder.is_dir()
    check_folder(found, folder)
    try:
        return tuple(enhance_files(found, folder, fused, runtime, on_progress))
    finally:
        if not was_there and not any(folder.iterdir()):
            # Nothing came of any picture: a folder that only stands in the way goes again.
            folder.rmdir()


def enhance_files(
    pictures: Sequence[Path],
    out: Path,
    network: PictureNetwork,
    runtime: str = TORCH,
    on_progress: Progress | None = None,
) -> Iterator[EnhancedPicture]:
    """Enhance pictures one by one and write them under their own names.

    A picture that cannot be read, enhanced or written does not stop the others.

    Args:
        pictures: files, as :func:`gather_pictures` returns them.
        out: existing folder for the results; files of the same name are replaced.
        network: as :func:`~edge_sdk.zoo.networks.picture_network` returns it.
        runtime: what computes it, a name in
            :data:`edge_sdk.emulate.runtimes.names.RUNTIMES`; for others than ``torch`` the network
            is converted in fp32.
        on_progress: called after each tile, with the picture's file name as label.

    Yields:
        One result per picture, in order.

    Raises:
        InputError: if the runtime is unknown.
        MissingExtraError: if it, or its converter, is not installed.
        ConversionError: if the network cannot be converted.
    """
    with tempfile.TemporaryDirectory() as folder:
        runner = NetworkRunner(network, runtime, Path(folder))
        for source in pictures:
            yield _written(source, out, network.spec, runner.for_picture, on_progress)


def enhance_by_file(
    pictures: str | Path | Sequence[str | Path],
    folder: str | Path,
    method: ArtifactMethod,
    on_progress: Progress | None = None,
) -> tuple[EnhancedPicture, ...]:
    """Enhance pictures by a converted file, as :func:`enhance` does by a model.

    Args:
        pictures: a file, a folder of pictures, or several of these.
        folder: takes the results; created if missing.
        method: the file in its runtime.
        on_progress: told of every window of every picture.

    Returns:
        One result per picture, in order; one smaller than the file's window fails.

    Raises:
        InputError: if there are no pictures, two have one name, or one lies in ``folder`` itself.
        OutputError: if the folder cannot be written.
    """
    named = (pictures,) if isinstance(pictures, str | Path) else pictures
    found = gather_pictures([Path(subject) for subject in named])
    check_folder(found, Path(folder))

    def fitting(width: int, height: int) -> Callable[[Tensor], Tensor]:
        if min(width, height) < method.min_px:
            raise PictureError(
                f"{width}×{height} px is smaller than the {method.min_px} px that {method.name} "
                "takes at once"
            )
        return method

    return tuple(
        _written(source, Path(folder), method.spec, fitting, on_progress) for source in found
    )


def _written(
    source: Path,
    out: Path,
    spec: PictureSpec,
    for_picture: Callable[[int, int], Callable[[Tensor], Tensor]],
    on_progress: Progress | None,
) -> EnhancedPicture:
    started = time.perf_counter()
    try:
        picture = _enhanced(source, spec, for_picture, on_progress)
        written = write_picture(picture, out / result_name(source))
    except ConversionError:
        raise
    except EdgeSdkError as error:
        seconds = time.perf_counter() - started
        return EnhancedPicture(source, None, 0, 0, seconds, failure=_named(source, error))
    seconds = time.perf_counter() - started
    return EnhancedPicture(
        source, written.path, picture.width, picture.height, seconds, written.notes
    )


def _enhanced(
    source: Path,
    spec: PictureSpec,
    for_picture: Callable[[int, int], Callable[[Tensor], Tensor]],
    on_progress: Progress | None,
) -> Picture:
    report = on_progress or silent
    picture = read_picture(source)
    height, width = picture.pixels.shape[-2:]
    return enhance_picture(
        picture,
        for_picture(width, height),
        spec=spec,
        on_progress=lambda _, done, total: report(source.name, done, total),
    )


def _named(source: Path, error: EdgeSdkError) -> str:
    return str(error) if source.name in str(error) else f"{source}: {error}"
