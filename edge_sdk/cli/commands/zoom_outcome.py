"""What ``zoom`` says of a burst: a table, lines and notes, or plain values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.cli.shared.console import note, on_one_line, out, plain, print_table

if TYPE_CHECKING:
    from edge_sdk.burst import ZoomResult
    from edge_sdk.burst.photometry.light import Light
    from edge_sdk.data.quality.grades import Quality


LEAST_STOPS = 0.02
"""Difference of exposure that is worth a word."""


def plain_outcome(
    frames: Sequence[Path], result: ZoomResult, qualities: Sequence[Quality | None]
) -> dict[str, object]:
    """What happened to each frame, as plain values."""
    from edge_sdk.burst.noise.file import noise_record

    return {
        "reference": result.reference,
        "reference_forced": result.forced,
        "single_image": result.used == 1,
        "effective_frames": result.effective_frames,
        "effective_frames_in_worst_tenth": result.effective.low,
        "noise_levels": result.noise_std * 255,
        "noise": noise_record(result.noise),
        "noise_source": result.noise_source,
        "lens_px": result.lens.std_px,
        "lens_spread_px": result.lens.spread_px,
        "lens_source": result.lens.source,
        "hot_pixels": result.hot_pixels,
        "blank_in_all_frames": result.blank,
        "network_passed_over": result.network_passed_over,
        "seconds": plain(result.seconds),
        "frames": [
            {
                "path": str(path),
                "score": frame.score,
                "quality": None if quality is None else quality.score,
                "motion": None if frame.registration is None else plain(frame.registration.motion),
                "share": frame.share,
                "left_out_because": frame.note or None,
                "blurry": frame.blurry,
                "light": None if frame.light is None else _plain_light(frame.light),
                "lost": frame.lost,
            }
            for path, frame, quality in zip(frames, result.frames, qualities, strict=True)
        ],
    }


def print_outcome(
    frames: Sequence[Path], result: ZoomResult, qualities: Sequence[Quality | None]
) -> None:
    """Print what happened to each frame and to the burst: a table, lines and notes."""
    rows = []
    said = zip(frames, result.frames, qualities, strict=True)
    for index, (path, frame, quality) in enumerate(said):
        motion = frame.registration.motion if frame.registration else None
        role = "reference" if index == result.reference else "left out" if frame.note else "merged"
        if frame.blurry:
            role += ", blurry"
        rows.append(
            (
                on_one_line(f"{index}  {path.name}"),
                f"{1000 * frame.score:.2f}",
                "—" if motion is None else f"{motion.shift_x_px:+.2f}, {motion.shift_y_px:+.2f}",
                "—" if motion is None else f"{motion.angle_deg:+.2f}",
                f"{frame.share:.0%}",
                "—" if quality is None else f"{quality.score:.0f}",
                role,
            )
        )
    columns = ("frame", "sharpness", "shift (px)", "turn (°)", "agrees", "quality", "")
    print_table("Frames", columns, rows, emphasize=result.reference)
    why = "chosen by you" if result.forced else result.why_reference
    out.print(on_one_line(f"reference: {frames[result.reference].name}, {why}"))
    if len(frames) > 1:
        out.print(
            f"effective frames: {result.effective_frames:.1f} of {len(frames)}; at most "
            f"{result.effective.low:.1f} in the worst tenth of the picture"
        )
    unseen = [
        frame.note
        for index, frame in enumerate(result.frames)
        if frame.registration is None and index != result.reference
    ]
    if unseen:
        note(f"{_frames(len(unseen))} left out: {unseen[0]}")
    for path, frame in zip(frames, result.frames, strict=True):
        if frame.note and frame.registration is not None:
            note(f"{path.name} is left out: {frame.note}")
    lights = [frame.light for frame in result.frames if frame.light is not None and not frame.note]
    if lights:
        note(_other_light(lights))
    if result.hot_pixels:
        what = "hot pixel" if result.hot_pixels == 1 else "hot pixels"
        note(f"{result.hot_pixels} {what} of the sensor mended in all frames")
    if result.blank:
        note(
            f"{result.blank:.0%} of the picture is one value in the same place of all "
            "frames: damaged files, a mask or a border; no frame shows what would be there"
        )
    if result.used == 1:
        reason = "one frame" if len(frames) == 1 else "no other frame could be used"
        note(f"{reason}: this is single-image zoom, without the gain of a burst")
    stages = " · ".join(f"{name} {seconds:.2f} s" for name, seconds in result.seconds.items())
    lens = result.lens
    known = lens.spread_px and lens.source != "assumed"
    spread = f" ± {lens.spread_px:.2f}" if known else ""
    out.print(
        f"noise {result.noise_std * 255:.1f} levels of 255, {result.noise_source} · "
        f"lens {lens.std_px:.2f}{spread} px, {lens.source}"
    )
    out.print(stages)


def _other_light(lights: Sequence[Light]) -> str:
    from edge_sdk.burst.photometry.exposure import stops_of

    stops = [round(stops_of(light), 2) for light in lights]
    ends = dict.fromkeys(f"{end(stops):+.2f}" for end in (min, max))
    banded = sum(len(light.waves) > 0 for light in lights)
    kinds = []
    if any(abs(each) >= LEAST_STOPS for each in stops):
        kinds.append(f"{' to '.join(ends)} stops")
    if banded:
        kinds.append(f"in bands along the rows of {_frames(banded)}")
    if not kinds:
        kinds.append("by color alone")
    return (
        f"in {_frames(len(lights))} the light differs from the reference's, {', '.join(kinds)}; "
        "that is undone"
    )


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _plain_light(light: Light) -> dict[str, object]:
    return {"colors": light.colors.tolist(), "bands": light.waves.tolist()}
