"""Command ``enhance``: pictures, folders of them and clips through a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_sdk.cli.shared import clip_options as clips
from edge_sdk.cli.shared.bundle_option import KEY_HELP, check_bundle_alone
from edge_sdk.cli.shared.console import err, out, print_json, progress_bars
from edge_sdk.cli.shared.model_argument import KEEP_HELP, note_merging
from edge_sdk.cli.shared.runtime_option import RUNTIME_NAMES
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.deploy.enhancement import EnhancedPicture


def enhance(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PICTURE…",
            help="Pictures, or folders of them: JPEG, PNG, BMP, WebP, TIFF, HEIC; or one clip: "
            ".y4m, raw frames, mp4, mov, avi, mkv, webm; or - for what is piped in.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the results, under the same names; of a clip, the file; - for "
            "standard output.",
        ),
    ] = Path("enhanced"),
    model: Annotated[str, typer.Option(help="Shipped model, or a .safetensors file.")] = "sr_x2_y",
    runtime: Annotated[str, typer.Option(help=f"{RUNTIME_NAMES}, or another installed.")] = "torch",
    bundle: Annotated[
        Path | None, typer.Option(help="Bundle of `edge-sdk pack` that enhances them instead.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help=KEY_HELP)] = None,
    keep_branches: Annotated[bool, typer.Option("--keep-branches", help=KEEP_HELP)] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="png|jpeg|…", help="Of a picture on standard output."),
    ] = None,
    pixel_format: clips.PixelFormatOption = None,
    size: clips.SizeOption = None,
    fps: clips.FpsOption = None,
    matrix: clips.MatrixOption = None,
    swing: clips.RangeOption = None,
    chroma: Annotated[
        str | None,
        typer.Option(
            metavar="bicubic|bilinear", help="Clips: interpolation of U and V \\[bicubic]."
        ),
    ] = None,
    codec: clips.CodecOption = None,
    resume: clips.ResumeOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Enhance single pictures, or a clip, with a model.

    A picture of any size goes through in windows whose seams cannot be seen, since each has the
    margin that the model looks at. EXIF, ICC profile, alpha, gray and 16 bits are kept as far as
    the picture's own format can hold them; HEIC becomes PNG. A picture that fails is named, the
    others go on, and the command ends with status 1.

    A clip is enhanced frame by frame, luma as it is where the model takes luma, and keeps matrix,
    range, rate and aspect.

    Example: edge-sdk enhance holiday/*.jpg -o enhanced
    """
    planes = {"pixel_format": pixel_format, "size": size, "fps": fps, "matrix": matrix}
    planes |= {"range": swing, "codec": codec}
    if clips.is_clip_given(pictures or (), pixel_format):
        from edge_sdk.cli.commands.enhance_video import enhance_one_clip

        clips.refuse({"bundle": bundle, "key": key, "format": form}, "for pictures")
        enhance_one_clip(
            clips.one_clip(pictures or ()),
            output,
            model,
            runtime,
            clips.clip_options(pixel_format, size, fps, matrix, swing, codec),
            chroma,
            resume=resume,
            keep_branches=keep_branches,
            as_json=as_json,
        )
        return
    clips.refuse({**planes, "chroma": chroma, "resume": resume}, "for a clip")
    if clips.STREAM in map(str, (*(pictures or ()), output)):
        from edge_sdk.cli.commands.enhance_pipe import enhance_piped

        clips.refuse({"bundle": bundle, "key": key}, "for pictures in files")
        if len(pictures or ()) != 1:
            raise InputError("- takes one picture; name one, or - for standard input")
        enhance_piped(
            (pictures or [])[0],
            output,
            form,
            model,
            runtime,
            keep_branches=keep_branches,
            as_json=as_json,
        )
        return
    clips.refuse({"format": form}, "for a picture on standard output, -o -")
    from edge_sdk.deploy.enhancement import DEFAULT_MODEL
    from edge_sdk.deploy.enhancement import enhance as run

    own = None if model == DEFAULT_MODEL else model
    check_bundle_alone(bundle, key, None, model=own, keep_branches=keep_branches or None)
    if bundle is not None:
        results, model, runtime = _by_bundle(pictures or [], output, bundle, key, runtime)
    else:
        with progress_bars() as progress:
            results = run(
                pictures or (), output, model, runtime, progress, keep_branches=keep_branches
            )
        note_merging(model, keep_branches)
    failed = [result for result in results if result.failure is not None]
    if as_json:
        print_json({"model": model, "runtime": runtime, "pictures": results})
    else:
        for result in results:
            if result.failure is not None:
                err.print(f"error: {result.failure}", soft_wrap=True)
                continue
            out.print(
                f"wrote {result.path} ({result.width}×{result.height} px, {result.seconds:.1f} s)",
                soft_wrap=True,
            )
            for note in result.notes:
                err.print(f"note: {result.source.name}: {note}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)


def _by_bundle(
    pictures: list[Path], output: Path, path: Path, key: Path | None, runtime: str
) -> tuple[tuple[EnhancedPicture, ...], str, str]:
    """Results, model and runtime of a bundle."""
    from edge_sdk.bundle import open_bundle
    from edge_sdk.bundle.enhancing import open_method
    from edge_sdk.bundle.zooming import choose_variant
    from edge_sdk.deploy.enhancement import enhance_by_file

    bundle = open_bundle(path, key)
    variant = choose_variant(bundle.manifest, runtime)
    with bundle.unpacked() as folder, progress_bars() as progress:
        method = open_method(bundle, variant, folder)
        results = enhance_by_file(list(pictures), output, method, progress)
    return results, bundle.manifest.name, method.runtime
