"""From the files of a burst to the file of its picture, metadata and all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.converted.by_name import NO_MODEL, zoom_network
from edge_sdk.burst.converted.running import StageFiles
from edge_sdk.burst.frames.files import gather_frames, spool_pictures, spooled_picture
from edge_sdk.burst.frames.quality import frame_qualities
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.frames.spool import spooling
from edge_sdk.burst.frames.stretched import FULL_BITS, StretchedSource, used_bits
from edge_sdk.burst.gain import little_gain
from edge_sdk.burst.lens.estimate import lens_note
from edge_sdk.burst.noise.profile import profile_noise_in
from edge_sdk.burst.pipeline import zoom
from edge_sdk.burst.result import ZoomResult
from edge_sdk.burst.stages.restore import RestoreConfig
from edge_sdk.data.quality.grades import Quality
from edge_sdk.emulate.runtimes.names import TORCH, runtime_name
from edge_sdk.errors import InputError
from edge_sdk.imaging import (
    Metadata,
    Picture,
    WrittenPicture,
    check_output_path,
    resize_bicubic,
    write_picture,
)
from edge_sdk.imaging.encoding import FORMATS
from edge_sdk.imaging.writing import check_output_size
from edge_sdk.outputs import is_same_file
from edge_sdk.progress import Progress


@dataclass(frozen=True, eq=False)
class ZoomedFile:
    """A picture that was zoomed from files, and how it came about.

    Attributes:
        frames: the files of the burst, in order.
        result: the pixels as they were written, and what became of every frame.
        reference: what was enlarged of the reference frame, with what its file held.
        written: the file of the result, and what its format could not hold.
        config: settings of the zoom, with the scale that the network has; where another was asked
            for, the rest was interpolated.
        by: for people: the network and what ran it.
        notes: for people: what was done to the frames before, why a network was passed over, and
            where the frames brought little, why.
        gain: what makes result and reference as bright as they were meant, where they use little of
            their 16 bits; else 1.
        qualities: how good each frame looks by itself, which decides nothing; ``None`` for frames
            that are too small to say.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, write_picture, zoom_files
        >>> written = write_picture(Picture(torch.rand(3, 32, 48)), "frame.png")
        >>> made = zoom_files(["frame.png"], "zoomed.jpg", model="none")
        >>> made.by, made.result.used, made.written.path.name
        ('no network', 1, 'zoomed.jpg')
    """

    frames: tuple[Path, ...]
    result: ZoomResult
    reference: Picture
    written: WrittenPicture
    config: ZoomConfig
    by: str
    notes: tuple[str, ...] = ()
    gain: float = 1.0
    qualities: tuple[Quality | None, ...] = ()


def zoom_files(
    frames: Sequence[str | Path],
    output: str | Path,
    config: ZoomConfig | None = None,
    *,
    model: str | None = None,
    runtime: str = TORCH,
    precision: str | None = None,
    stages: str | Path | StageFiles | None = None,
    on_progress: Progress | None = None,
) -> ZoomedFile:
    """Zoom a burst of picture files into one larger, cleaner picture file.

    Frames wait in a temporary file, so that any number runs. Frames of 16 bits that use 8 to 14 of
    them are worked in the range that they use, and written in it, or with 8 bits in all of these.
    Where all frames are DNGs with a
    NoiseProfile, that of the first (or of the reference, where the settings name it) is taken for
    their noise, unless another is given or frames differ quite otherwise. Frames whose ICC profile
    is not that of the first are converted to it. EXIF, ICC profile and alpha of the reference are
    kept; the result has 16 bits where a frame has, and is gray where all are.

    Args:
        frames: files of one scene, all of one size: JPEG, PNG, BMP, WebP, TIFF, HEIC or raw; or
            folders of such, whose other files are passed over.
        output: the picture to write; its suffix names the format.
        config: settings of the zoom.
        model: name or file of a network for bursts, or of a ×2 luma network; ``none`` for the
            restoration without one; ``None`` for the shipped network where it enlarges by
            ``config.scale`` and the restoration is not set otherwise, else none. Where the burst is
            noisier than a network for bursts has learned, the restoration without is taken, and a
            note says so.
        runtime: ``torch`` for PyTorch, or another, such as ``executorch``, ``litert`` or
            ``coreml``, for which the stages are converted once and kept.
        precision: of the network in that runtime; ``None`` for fp32.
        stages: folder of stages that were converted before, or such stages opened, as a bundle
            has them; model and runtime are theirs.
        on_progress: told of every step.

    Raises:
        InputError: if there are no frames, ``output`` is one of them, settings do not fit each
            other, or names are unknown.
        PictureError: if a frame cannot be read, differs in size from the first, has another ICC
            profile that cannot be converted, or is too small.
        ModelError: if there is no such model.
        ArtifactError: if the stages are damaged.
        ConversionError: if they cannot be converted.
        OutputError: if the picture cannot be written.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, read_picture, resize_bicubic, write_picture, zoom_files
        >>> scene = resize_bicubic(torch.rand(3, 24, 32), 3).clamp(0, 1)
        >>> for name, left in (("0.png", 0), ("1.png", 1), ("2.png", 2)):
        ...     written = write_picture(Picture(scene[:, :64, left : left + 80]), name)
        >>> made = zoom_files(["0.png", "1.png", "2.png"], "zoomed.png")
        >>> made.by, made.result.used
        ('burst_zoom_x2, PyTorch', 3)
        >>> read_picture("zoomed.png").width
        160
    """
    config, output = config or ZoomConfig(), Path(output)
    if isinstance(frames, str | Path):
        raise InputError(f"frames is a list of files, not one; give [{str(frames)!r}]")
    paths, others = gather_frames([Path(frame) for frame in frames], output)
    check_output_path(output)
    check_apart(paths, output)
    runtime = runtime_name(runtime)
    if model is None and stages is None and runtime == TORCH and _restored_otherwise(config):
        model = NO_MODEL
    notes = [f"{path} is no picture and is passed over" for path in others]
    if any(output.parent.resolve() == folder.resolve() for folder in map(Path, frames)):
        notes.append(
            f"{output} lies in the folder of its frames: the next zoom of that folder takes it for "
            "one; move it elsewhere"
        )
    with spooling() as spool:
        spooled = spool_pictures(paths, spool)
        held = spooled.held
        notes += spooled.notes
        area = config.crop or spool
        check_output_size(output, area.width * config.scale, area.height * config.scale)
        chosen = zoom_network(
            model,
            config.scale,
            runtime,
            precision,
            Path(stages) if isinstance(stages, str) else stages,
            on_progress,
        )
        used = replace(config, scale=chosen.scale)
        seen: FrameSource = spool
        gain = 1.0
        bits = used_bits(spool)
        if bits == FULL_BITS:
            used, more = _with_stated_noise(used, paths, held, spool, 1.0)
            result = zoom(spool, chosen.network, used, on_progress)
            qualities = frame_qualities(spool)
        else:
            stretched = StretchedSource(spool, bits)
            used, more = _with_stated_noise(used, paths, held, stretched, stretched.gain)
            result = zoom(stretched, chosen.network, used, on_progress)
            qualities = frame_qualities(stretched)
            if FORMATS[output.suffix.lower()].has_16_bit:
                gain = stretched.gain
                result = replace(result, pixels=result.pixels / gain)
                place = "in their range"
            else:
                seen = stretched
                place = "over the whole range of its 8"
            notes.append(
                f"the frames use {bits} of their 16 bits: they are worked as {bits} bits, noise "
                f"and all, and the result is written {place}"
            )
        network = result.network_passed_over or result.network_note
        converted = chosen.network.scale if isinstance(chosen.network, StageFiles) else None
        lens = lens_note(result.lens, converted)
        said = (result.noise_note, network, lens, little_gain(result, used))
        notes += (*more, *filter(None, said))
        metadata = held[result.reference]
        reference = spooled_picture(seen, result.reference, metadata, config.crop)
        depth = spool.depth
    if chosen.scale != config.scale:
        result = _rescaled(result, config.scale, chosen.scale)
    made = reference.with_pixels(result.pixels)
    # The reference may be one of 8 bits among frames of 16; the merge holds what the finest do.
    gray = all(metadata.gray for metadata in held)
    metadata = replace(made.metadata, bit_depth=8 if depth == 8 else 16, gray=gray)
    written = write_picture(replace(made, metadata=metadata), output)
    by = chosen.name if result.network_passed_over is None else "no network"
    return ZoomedFile(paths, result, reference, written, used, by, tuple(notes), gain, qualities)


def _with_stated_noise(
    config: ZoomConfig,
    paths: Sequence[Path],
    held: Sequence[Metadata],
    source: FrameSource,
    gain: float,
) -> tuple[ZoomConfig, tuple[str, ...]]:
    """Settings with the noise that the files state, where all do and none is set; and notes."""
    stated = [metadata.raw_noise for metadata in held]
    index = config.reference or 0
    taken = stated[index] if index < len(stated) else None
    if config.stated_noise is not None or config.given_noise is not None or taken is None:
        return config, ()
    without = [path for path, noise in zip(paths, stated, strict=True) if noise is None]
    if without:
        return config, (f"{without[0].name} has no NoiseProfile: those of others are not used",)
    same = all((noise.shot, noise.read) == (taken.shot, taken.read) for noise in stated if noise)
    differing = f"NoiseProfiles differ from frame to frame: that of {paths[index].name} holds"
    noise = profile_noise_in(taken, source, index, gain)
    return replace(config, stated_noise=noise), () if same else (differing,)


def check_apart(frames: Sequence[Path], output: Path) -> None:
    """Refuse to write over a frame, also where a link leads there.

    Raises:
        InputError: if a frame is that file.
    """
    for path in frames:
        if is_same_file(path, output):
            raise InputError(f"{output}: is the frame {path}; give another name for the picture")


def _restored_otherwise(config: ZoomConfig) -> bool:
    return config.restore != RestoreConfig()


def _rescaled(result: ZoomResult, scale: int, before: int) -> ZoomResult:
    height, width = (side * scale // before for side in result.pixels.shape[-2:])
    return replace(result, pixels=resize_bicubic(result.pixels, size=(height, width)).clamp(0, 1))
