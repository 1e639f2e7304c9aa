"""A single picture through ``enhance`` by standard input or output."""

from __future__ import annotations

import time
from pathlib import Path

from edge_sdk.cli.shared.clip_options import STREAM, check_json_apart
from edge_sdk.cli.shared.console import err, note, out, print_json, progress_bars
from edge_sdk.cli.shared.model_argument import note_merging
from edge_sdk.deploy.one_picture import enhance_one, form_by_name
from edge_sdk.errors import InputError
from edge_sdk.imaging import check_output_path, read_picture, write_picture
from edge_sdk.imaging.reading import picture_from_bytes
from edge_sdk.imaging.writing import encode_picture
from edge_sdk.outputs import is_same_file
from edge_sdk.video.opening import standard_input, standard_output


def enhance_piped(
    picture: Path,
    output: Path,
    form: str | None,
    model: str,
    runtime: str,
    *,
    keep_branches: bool,
    as_json: bool,
) -> None:
    """Enhance a picture that is piped in, out or both, and say so on stderr."""
    check_json_apart(output, as_json)
    started, piped_out = time.perf_counter(), str(output) == STREAM
    if piped_out:
        stream = standard_output()
        if form is None:
            raise InputError("-o - has no suffix; say how the picture is written: --format png")
        written_as = form_by_name(form)
    else:
        if form is not None:
            raise InputError(f"--format is for -o -; the suffix of {output} names the format")
        check_output_path(output)
        if str(picture) != STREAM and is_same_file(picture, output):
            raise InputError(f"{output}: is the picture itself; give another name for the result")
    if str(picture) == STREAM:
        given = picture_from_bytes(standard_input().read(), "standard input")
    else:
        given = read_picture(picture)
    with progress_bars() as progress:
        made = enhance_one(given, model, runtime, progress, keep_branches=keep_branches)
    note_merging(model, keep_branches)
    if piped_out:
        data, notes = encode_picture(made, written_as)
        stream.write(data)
        stream.flush()
    else:
        notes = write_picture(made, output).notes
    seconds = time.perf_counter() - started
    if as_json:
        print_json({"model": model, "path": output, "width": made.width, "height": made.height})
        return
    place = "standard output" if piped_out else str(output)
    (err if piped_out else out).print(
        f"wrote {place} ({made.width}×{made.height} px, {seconds:.1f} s)"
    )
    for each in notes:
        note(each)
