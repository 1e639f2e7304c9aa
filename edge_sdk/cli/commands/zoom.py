"""Command ``zoom``: a burst of frames into one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.commands.zoom_noise import check_noise_path, given_noise
from edge_sdk.cli.commands.zoom_page import check_report, write_zoom_page
from edge_sdk.cli.shared.console import err, out, plain, print_json, print_table, progress_bars
from edge_sdk.cli.shared.runtime_option import RUNTIME_NAMES
from edge_sdk.errors import InputError
from edge_sdk.outputs import after_writing

if TYPE_CHECKING:
    from edge_sdk.burst import ZoomResult
    from edge_sdk.burst.photometry.light import Light

NO_MODEL = "none"


def zoom(
    frames: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Frames of one scene, or their folder: JPEG, PNG, BMP, WebP, TIFF, HEIC or raw, "
            "all of one size."
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
            help="Blur of lens and focus to undo: standard deviation in pixels of a frame, 0 to 1; "
            "about 0.3 for a sharp lens, 0.7 for a phone at night. The network knows the former "
            "alone: another blur is undone without it \\[0.3]."
        ),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(
            help="How far to go from the reference alone, enlarged bicubically, 0, to the full "
            "result, 1; between them the two are mixed."
        ),
    ] = 1.0,
    crop: Annotated[
        str | None,
        typer.Option(help="Part of the reference to zoom, in its pixels: X,Y,WIDTH,HEIGHT."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Network for bursts, or ×2 luma network: a shipped one or a .safetensors file; "
            "none for the restoration without a network \\[burst_zoom_x2 at scale 2, else none]."
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
    report: Annotated[
        Path | None, typer.Option(help="Write what each frame did as one HTML page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Turn a burst of frames into one larger, cleaner picture.

    The sharpest frame is the reference; the others are aligned to it, merged where they agree with
    it, and left out, with the reason, where they do not. EXIF and ICC profile of the reference are
    kept. Any number of frames runs: they wait in a temporary file.

    Example: edge-sdk zoom IMG_*.jpg -o zoomed.png
    """
    from edge_sdk.burst.config import ZoomConfig
    from edge_sdk.burst.frames.files import gather_frames
    from edge_sdk.burst.noise.file import write_noise
    from edge_sdk.burst.picture_files import zoom_files
    from edge_sdk.burst.stages.restore import RestoreConfig
    from edge_sdk.emulate.runtimes.names import TORCH, runtime_name
    from edge_sdk.imaging.rectangle import Rectangle

    if not frames:
        raise InputError("no frames given; name the files of a burst: edge-sdk zoom FRAME FRAME …")
    if lens is not None:
        if stages is not None or runtime_name(runtime) != TORCH or _is_for_bursts(model):
            raise InputError("--lens is for a zoom without a network for bursts; leave it out")
        model = model or NO_MODEL
    config = ZoomConfig(
        scale=scale,
        reference=reference,
        noise=None if noise is None else given_noise(noise),
        strength=strength,
        crop=None if crop is None else Rectangle.parse(crop),
        provenance=report is not None,
        restore=RestoreConfig() if lens is None else RestoreConfig(lens_std_px=lens),
    )
    if report is not None:
        check_report(report, gather_frames(frames, output)[0], output)
    if save_noise is not None:
        used = [*gather_frames(frames, output)[0], *([] if noise is None else [Path(noise)])]
        check_noise_path(save_noise, [*used, output, report])
    with progress_bars() as progress:
        made = zoom_files(
            frames,
            output,
            config,
            model=model,
            runtime=runtime,
            precision=precision,
            stages=stages,
            on_progress=progress,
        )
    result, written = made.result, made.written
    if made.config.scale != scale:
        err.print(f"note: the network enlarges ×{made.config.scale}; the rest is interpolated")
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
        print_json({**places, **zoom_report(made.frames, result)})
        return
    _print_zoom(made.frames, result)
    for note in (*made.notes, *written.notes):
        err.print(f"note: {note}")
    height, width = result.pixels.shape[-2:]
    mixed = "" if strength == 1 else f": {strength:.0%} of that, the rest bicubic enlargement"
    out.print(f"wrote {output} ({width}×{height} px), by {made.by}{mixed}")
    if report is not None:
        out.print(f"wrote {report}")
    if save_noise is not None:
        out.print(f"wrote {save_noise}")


def _is_for_bursts(model: str | None) -> bool:
    from edge_sdk.zoo.networks import zooms_bursts

    return model not in (None, NO_MODEL) and zooms_bursts(str(model))


def zoom_report(frames: Sequence[Path], result: ZoomResult) -> dict[str, object]:
    """What happened to each frame, as plain values."""
    from edge_sdk.burst.noise.file import noise_record

    return {
        "reference": result.reference,
        "reference_forced": result.forced,
        "single_image": result.used == 1,
        "noise_levels": result.noise_std * 255,
        "noise": noise_record(result.noise),
        "noise_source": result.noise_source,
        "hot_pixels": result.hot_pixels,
        "blank_in_all_frames": result.blank,
        "seconds": plain(result.seconds),
        "frames": [
            {
                "path": str(path),
                "score": frame.score,
                "motion": None if frame.registration is None else plain(frame.registration.motion),
                "share": frame.share,
                "left_out_because": frame.note or None,
                "blurry": frame.blurry,
                "light": None if frame.light is None else _plain_light(frame.light),
            }
            for path, frame in zip(frames, result.frames, strict=True)
        ],
    }


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _plain_light(light: Light) -> dict[str, object]:
    return {"colors": light.colors.tolist(), "bands": light.waves.tolist()}


def _print_zoom(frames: Sequence[Path], result: ZoomResult) -> None:
    rows = []
    for index, (path, frame) in enumerate(zip(frames, result.frames, strict=True)):
        motion = frame.registration.motion if frame.registration else None
        role = "reference" if index == result.reference else "left out" if frame.note else "merged"
        if frame.blurry:
            role += ", blurry"
        rows.append(
            (
                f"{index}  {path.name}",
                f"{1000 * frame.score:.2f}",
                "—" if motion is None else f"{motion.shift_x_px:+.2f}, {motion.shift_y_px:+.2f}",
                "—" if motion is None else f"{motion.angle_deg:+.2f}",
                f"{frame.share:.0%}",
                role,
            )
        )
    columns = ("frame", "sharpness", "shift (px)", "turn (°)", "agrees", "")
    print_table("Frames", columns, rows, emphasize=result.reference)
    why = "chosen by you" if result.forced else "the sharpest"
    out.print(f"reference: {frames[result.reference].name}, {why}")
    for path, frame in zip(frames, result.frames, strict=True):
        if frame.note:
            err.print(f"note: {path.name} is left out: {frame.note}")
    lights = [frame.light for frame in result.frames if frame.light is not None and not frame.note]
    if lights:
        factors = [float(light.colors.mean()) for light in lights]
        banded = sum(len(light.waves) > 0 for light in lights)
        along = f", in bands along the rows of {_frames(banded)}" if banded else ""
        err.print(
            f"note: in {_frames(len(lights))} the light is {min(factors):.2f} to "
            f"{max(factors):.2f} times the reference's{along}; that is undone"
        )
    if result.hot_pixels:
        what = "hot pixel" if result.hot_pixels == 1 else "hot pixels"
        err.print(f"note: {result.hot_pixels} {what} of the sensor mended in all frames")
    if result.blank:
        err.print(
            f"note: {result.blank:.0%} of the picture is one value in the same place of all "
            "frames: damaged files, a mask or a border; no frame shows what would be there"
        )
    if result.used == 1:
        reason = "one frame" if len(frames) == 1 else "no other frame could be used"
        err.print(f"note: {reason}: this is single-image zoom, without the gain of a burst")
    stages = " · ".join(f"{name} {seconds:.2f} s" for name, seconds in result.seconds.items())
    out.print(f"noise {result.noise_std * 255:.1f} levels of 255, {result.noise_source} · {stages}")
