"""Command ``simulate``: a burst of a photograph with everything known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared.console import err, out, print_json, progress_bars
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.data.camera.light_changes import LightChanges
    from edge_sdk.data.camera.occluders import MovingObject, NearLayer
    from edge_sdk.data.camera.sensor_noise import SensorNoise

_HAND = "Hand"
_SENSOR = "Lens, sensor and file"
_SCENE = "Things that move by themselves"


def simulate(
    picture: Annotated[Path | None, typer.Argument(help="Photograph that the camera sees.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for frames, truth and motion.")
    ] = Path("burst"),
    frames: Annotated[int, typer.Option(help="Number of frames.")] = 10,
    scale: Annotated[int, typer.Option(help="Scene pixels per camera pixel.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 0,
    shift: Annotated[
        float, typer.Option(help="Largest shift, in camera pixels.", rich_help_panel=_HAND)
    ] = 4.0,
    angle: Annotated[
        float, typer.Option(help="Largest rotation, in degrees.", rich_help_panel=_HAND)
    ] = 0.5,
    path: Annotated[
        str,
        typer.Option(
            help="independent: each frame anywhere within the limits, as the published figures "
            "have it; walk: one continuous path.",
            rich_help_panel=_HAND,
        ),
    ] = "independent",
    readout: Annotated[
        float,
        typer.Option(
            help="Rolling shutter: time to read a frame's rows, as a share of the frame interval, "
            "0 to 1; phones have about 0.3 to 0.9. Needs --path walk.",
            rich_help_panel=_HAND,
        ),
    ] = 0.0,
    lens: Annotated[
        float,
        typer.Option(
            help="Lens blur, standard deviation in camera pixels.", rich_help_panel=_SENSOR
        ),
    ] = 0.3,
    noise: Annotated[
        float | None,
        typer.Option(
            help="Gaussian noise of the same strength everywhere, in 8-bit levels.",
            show_default="8",
            rich_help_panel=_SENSOR,
        ),
    ] = None,
    analog_gain: Annotated[
        float | None,
        typer.Option(
            help="Shot and read noise of a phone's sensor at this gain instead of --noise; ISO 100 "
            "is about 1, ISO 3200 about 32.",
            rich_help_panel=_SENSOR,
        ),
    ] = None,
    digital_gain: Annotated[
        float | None,
        typer.Option(help="Gain behind the converter; as above.", rich_help_panel=_SENSOR),
    ] = None,
    bayer: Annotated[
        bool,
        typer.Option(
            "--bayer", help="One color per pixel (RGGB), then a demosaic.", rich_help_panel=_SENSOR
        ),
    ] = False,
    white_balance: Annotated[
        str,
        typer.Option(
            metavar="RED,BLUE",
            help="Gains of red and of blue, 1 to 8: they make these channels noisier. Daylight is "
            "about 2,1.6.",
            rich_help_panel=_SENSOR,
        ),
    ] = "1,1",
    jpeg: Annotated[
        int | None,
        typer.Option(
            help="Send each frame through JPEG (4:2:0) of this quality, 1 to 100; the files are "
            "PNG all the same.",
            rich_help_panel=_SENSOR,
        ),
    ] = None,
    reduction: Annotated[
        str,
        typer.Option(
            help="What a pixel sees: area integrates light, as sensors do; box and bicubic reduce "
            "values as published pictures are.",
            rich_help_panel=_SENSOR,
        ),
    ] = "area",
    flicker: Annotated[
        float,
        typer.Option(
            help="Largest change of the light between frames, as a share of it, 0 to 0.5.",
            rich_help_panel=_SCENE,
        ),
    ] = 0.0,
    balance: Annotated[
        float,
        typer.Option(help="The same of red and of blue, each by itself.", rich_help_panel=_SCENE),
    ] = 0.0,
    bands: Annotated[
        float,
        typer.Option(
            help="Amplitude of bands of light, as of a lamp on mains current.",
            rich_help_panel=_SCENE,
        ),
    ] = 0.0,
    parallax: Annotated[
        float | None,
        typer.Option(
            help="A nearer layer in the middle of the picture, whose shift is the background's "
            "times this, 0 to 8.",
            rich_help_panel=_SCENE,
        ),
    ] = None,
    parallax_share: Annotated[
        float | None,
        typer.Option(
            help="Share of the picture that the nearer layer covers.",
            show_default="0.3",
            rich_help_panel=_SCENE,
        ),
    ] = None,
    object_share: Annotated[
        float | None,
        typer.Option(
            "--object",
            help="An object over this share of the picture that stands elsewhere in some frames, "
            "for ghosts; 0.05 is usual.",
            rich_help_panel=_SCENE,
        ),
    ] = None,
    object_moved: Annotated[
        float | None,
        typer.Option(
            help="Share of the frames in which it stands elsewhere.",
            show_default="0.5",
            rich_help_panel=_SCENE,
        ),
    ] = None,
    object_shift: Annotated[
        float | None,
        typer.Option(help="How far, in camera pixels.", show_default="12", rich_help_panel=_SCENE),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Take a burst of a photograph with a simulated hand-held camera.

    Files of an earlier burst in the folder are replaced, others kept.

    Writes frames/00.png …, truth/00.png … (what a noise-free camera with more pixels sees from
    each frame's position) and burst.json with the settings and the true motion; with --object also
    moving/00.png …, white where the object is in any frame.

    Example: edge-sdk simulate photo.jpg -o burst && edge-sdk zoom burst/frames/*.png -o zoom.png

    A night scene: edge-sdk simulate photo.jpg --analog-gain 32 --bayer --white-balance 2,1.6
    --jpeg 93 --path walk --readout 0.6
    """
    from edge_sdk.data.camera.config import CameraConfig
    from edge_sdk.data.camera.photograph import simulate as run

    if picture is None:
        raise InputError("no photograph given; name one: edge-sdk simulate PHOTO -o DIR")
    if noise is not None and not 0 <= noise <= 255:
        raise InputError(f"noise must be 0 to 255 levels, not {noise:g}")
    config = CameraConfig(
        frames=frames,
        scale=scale,
        max_shift_px=shift,
        max_angle_deg=angle,
        lens_std_px=lens,
        noise_std=(8.0 if noise is None else noise) / 255,
        seed=seed,
        path=path,
        readout=readout,
        near=_near_layer(parallax, parallax_share),
        moving_object=_moving_object(object_share, object_moved, object_shift),
        sensor=_sensor(noise, analog_gain, digital_gain),
        bayer=bayer,
        white_balance=_white_balance(white_balance),
        jpeg_quality=jpeg,
        reduction=reduction,
        light=_light(flicker, balance, bands),
    )
    with progress_bars() as progress:
        made = run(picture, output, config, progress)
    if as_json:
        print_json(
            {
                "folder": made.folder,
                "frames": made.frames,
                "motions": made.burst.motions,
                "camera": config,
                "notes": made.notes,
            }
        )
        return
    for note in made.notes:
        err.print(f"note: {note}")
    height, width = made.burst.frames.shape[-2:]
    out.print(
        f"wrote {frames} frames of {width}×{height} px, their truth and burst.json to {output}"
    )


def _near_layer(factor: float | None, share: float | None) -> NearLayer | None:
    from edge_sdk.data.camera.occluders import NearLayer

    if factor is None:
        if share is not None:
            raise InputError("--parallax-share needs --parallax, the factor of the nearer layer")
        return None
    return NearLayer(factor) if share is None else NearLayer(factor, share)


def _moving_object(
    share: float | None, moved: float | None, shift: float | None
) -> MovingObject | None:
    from edge_sdk.data.camera.occluders import MovingObject

    given = {"moved_share": moved, "shift_px": shift}
    settings = {name: value for name, value in given.items() if value is not None}
    if share is None:
        if settings:
            raise InputError("--object-moved and --object-shift need --object, the share it covers")
        return None
    return MovingObject(share, **settings)


def _sensor(noise: float | None, analog: float | None, digital: float | None) -> SensorNoise | None:
    from edge_sdk.data.camera.sensor_noise import SensorNoise

    if analog is None and digital is None:
        return None
    if noise is not None:
        raise InputError("--noise and the sensor's gains exclude each other; give one of them")
    return SensorNoise(
        1.0 if analog is None else analog,
        1.0 if digital is None else digital,
    )


def _light(flicker: float, balance: float, bands: float) -> LightChanges | None:
    from edge_sdk.data.camera.light_changes import LightChanges

    return LightChanges(flicker, balance, bands) if any((flicker, balance, bands)) else None


def _white_balance(text: str) -> tuple[float, float]:
    try:
        red, blue = (float(part) for part in text.split(","))
    except ValueError:
        red = blue = math.nan
    if not (math.isfinite(red) and math.isfinite(blue)):
        raise InputError(f"white balance must be two gains such as 2,1.6, not {text!r}")
    return red, blue
