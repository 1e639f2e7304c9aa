"""Command ``zoom``: a burst of frames into one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from edge_sdk.burst.quality import Quality
from edge_sdk.cli.commands.zoom_noise import check_noise_path, given_noise
from edge_sdk.cli.commands.zoom_outcome import plain_outcome, print_outcome
from edge_sdk.cli.commands.zoom_page import check_report, write_zoom_page
from edge_sdk.cli.shared import clip_options as clips
from edge_sdk.cli.shared.bundle_option import KEY_HELP, check_bundle_alone, stages_of
from edge_sdk.cli.shared.console import note, out, print_json, progress_bars
from edge_sdk.cli.shared.runtime_option import RUNTIME_NAMES
from edge_sdk.errors import InputError
from edge_sdk.outputs import after_writing


def zoom(
    frames: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Frames of one scene, or their folder: JPEG, PNG, BMP, WebP, TIFF, HEIC or raw, "
            "all of one size; or one clip: .y4m, raw frames, mp4, mov, avi, mkv, webm, - for "
            "what is piped in."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Picture to write; its suffix names the format.")
    ] = Path("zoom.png"),
    scale: Annotated[
        int, typer.Option(help="Enlargement of width and height, 1 (denoise only) to 4.")
    ] = 2,
    reference: Annotated[
        int | None, typer.Option(help="Frame to zoom, 0-based, instead of the sharpest.")
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="LEVELS|FILE",
            help="Noise of a frame instead of the measured: one number in 8-bit levels, or a .json "
            "file by color and level, as --save-noise writes it.",
        ),
    ] = None,
    save_noise: Annotated[
        Path | None,
        typer.Option(help="Write the noise that was worked with as JSON, for --noise."),
    ] = None,
    lens: Annotated[
        float | None,
        typer.Option(
            help="Blur of lens and focus to undo, instead of the measured: standard deviation in "
            "pixels of a frame, 0 to 1; about 0.3 for a sharp lens, 0.7 for a phone at night."
        ),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(
            help="How far to go from the reference alone, enlarged bicubically, 0, to the full "
            "result, 1; between them the two are mixed."
        ),
    ] = 1.0,
    quality: Annotated[
        Quality,
        typer.Option(
            help="best, or fast: the six sharpest frames alone, and half of the restoration where "
            "no network makes the picture."
        ),
    ] = Quality.BEST,
    crop: Annotated[
        str | None,
        typer.Option(
            help="Part of the reference to zoom, in its pixels: X,Y,WIDTH,HEIGHT. Of large frames "
            "it costs what it shows."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Network for bursts, or ×2 luma network: a shipped one or a .safetensors file; "
            "none for the restoration without a network \\[burst_zoom_x2 or burst_zoom_x3 at its "
            "scale, else none]."
        ),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(
            help=f"{RUNTIME_NAMES}, or another installed; in others than torch the stages run as a "
            "phone runs them, converted the first time."
        ),
    ] = "torch",
    precision: Annotated[
        str | None,
        typer.Option("--precision", "-p", help="Of the network in that runtime: fp32, fp16, int8."),
    ] = None,
    stages: Annotated[
        Path | None, typer.Option(help="Folder of converted stages, from `edge-sdk stages`.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle of `edge-sdk pack` whose stages make the picture.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help=KEY_HELP)] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Class of phones, or .yaml of one, that must have room for the zoom."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write what each frame did as one HTML page.")
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            help="Clips: frames around each, itself included, that it is zoomed from; odd \\[7]."
        ),
    ] = None,
    pixel_format: clips.PixelFormatOption = None,
    size: clips.SizeOption = None,
    fps: clips.FpsOption = None,
    matrix: clips.MatrixOption = None,
    swing: clips.RangeOption = None,
    codec: clips.CodecOption = None,
    resume: clips.ResumeOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Turn a burst of frames into one larger, cleaner picture.

    The sharpest frame is the reference; the others are aligned to it, merged where they agree with
    it, and left out, with the reason, where they do not. EXIF and ICC profile of the reference are
    kept. Any number of frames runs: they wait in a temporary file.

    A clip is zoomed frame by frame, each from those around it.

    Example: edge-sdk zoom IMG_*.jpg -o zoomed.png
    """
    from edge_sdk.burst.config import ZoomConfig
    from edge_sdk.burst.frames.files import gather_frames
    from edge_sdk.burst.noise.file import write_noise
    from edge_sdk.burst.picture_files import zoom_files
    from edge_sdk.imaging.rectangle import Rectangle

    if not frames:
        raise InputError("no frames given; name the files of a burst: edge-sdk zoom FRAME FRAME …")
    config = ZoomConfig(
        scale=scale,
        reference=reference,
        noise=None if noise is None else given_noise(noise),
        strength=strength,
        quality=quality,
        crop=None if crop is None else Rectangle.parse(crop),
        provenance=report is not None,
        lens_std_px=lens,
    )
    planes = {"pixel_format": pixel_format, "size": size, "fps": fps, "matrix": matrix}
    planes |= {"range": swing, "codec": codec}
    if clips.is_clip_given(frames, pixel_format, stream=True):
        from edge_sdk.cli.commands.zoom_video import zoom_one_clip

        burst = {"reference": reference, "crop": crop, "save_noise": save_noise, "report": report}
        burst |= {"stages": stages, "bundle": bundle, "key": key, "profile": profile}
        burst |= {"precision": precision, "runtime": None if runtime == "torch" else runtime}
        clips.refuse(burst, "for a burst, not for a clip")
        options = clips.clip_options(pixel_format, size, fps, matrix, swing, codec)
        clip = clips.one_clip(frames)
        zoom_one_clip(clip, output, window, config, options, model, resume=resume, as_json=as_json)
        return
    clips.refuse({**planes, "window": window, "resume": resume}, "for a clip")
    check_bundle_alone(bundle, key, profile, model=model, stages=stages)
    if report is not None:
        check_report(report, gather_frames(frames, output)[0], output)
    if save_noise is not None:
        used = [*gather_frames(frames, output)[0], *([] if noise is None else [Path(noise)])]
        check_noise_path(save_noise, [*used, output, report])
    room = (0, 0, 0) if profile is None else _size_of(gather_frames(frames, output)[0])
    opened = stages_of(bundle, key, runtime, precision, profile, room)
    with progress_bars() as progress, opened as held:
        made = zoom_files(
            frames,
            output,
            config,
            model=model,
            runtime=runtime if bundle is None else "torch",
            precision=precision if bundle is None else None,
            stages=held or stages,
            on_progress=progress,
        )
    result, written = made.result, made.written
    if made.config.scale != scale:
        note(f"the network enlarges ×{made.config.scale}; the rest is interpolated")
    if report is not None:
        with after_writing(output):
            write_zoom_page(report, made)
    if save_noise is not None:
        with after_writing(output):
            write_noise(result.noise, save_noise)
    if as_json:
        places = {
            "output": output,
            "report": report,
            "saved_noise": save_noise,
            "notes": (*made.notes, *written.notes),
            "by": made.by,
            "strength": made.config.strength,
        }
        print_json({**places, **plain_outcome(made.frames, result, made.qualities)})
        return
    print_outcome(made.frames, result, made.qualities)
    for said in (*made.notes, *written.notes):
        note(said)
    height, width = result.pixels.shape[-2:]
    mixed = "" if strength == 1 else f": {strength:.0%} of that, the rest bicubic enlargement"
    out.print(f"wrote {output} ({width}×{height} px), by {made.by}{mixed}")
    if report is not None:
        out.print(f"wrote {report}")
    if save_noise is not None:
        out.print(f"wrote {save_noise}")


def _size_of(paths: Sequence[Path]) -> tuple[int, int, int]:
    """Width and height of a burst's frames, and how many there are."""
    from edge_sdk.imaging.previews import read_preview

    first = read_preview(paths[0])
    return first.width, first.height, len(paths)
