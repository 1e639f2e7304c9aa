"""What a manifest says of files and tensors, read from the files themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge_sdk.bundle.manifest import FileEntry, PictureEntry, RecognitionEntry, TensorEntry
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.models.spec import PictureSpec, RecognitionSpec
from edge_sdk.targets import Converter, LoweringReport, TensorSpec, runs_here


def tensor_entries(
    converter: Converter, report: LoweringReport, path: Path
) -> tuple[TensorEntry, TensorEntry]:
    """Input and output of a file, with the steps of their integers if a runtime here reads them."""
    (taken,), (given,) = report.inputs, report.outputs
    steps: dict[str, tuple[float, int]] = {}
    if "float32" not in (taken.dtype, given.dtype) or taken.dtype != given.dtype:
        steps = open_artifact(path).steps if runs_here(converter) else {}
    return _tensor(taken, steps), _tensor(given, steps)


def _tensor(spec: TensorSpec, steps: dict[str, tuple[float, int]]) -> TensorEntry:
    scale, zero_point = steps.get(spec.name, (0.0, 0))
    shown = np.format_float_positional(np.float32(scale), trim="-") if scale else ""
    return TensorEntry(spec.name, tuple(spec.shape), spec.layout, spec.dtype, shown, zero_point)


def picture_entry(spec: PictureSpec) -> PictureEntry:
    """What a manifest says of pictures."""
    return PictureEntry(
        str(spec.color), spec.scale, spec.reduction, spec.size_multiple, spec.halo_px
    )


def recognition_entry(spec: RecognitionSpec) -> RecognitionEntry:
    """What a manifest says of classes, in printable ASCII as all its strings."""
    names = (ascii(name)[1:-1].replace('"', "'").replace("\\", "/") for name in spec.classes)
    return RecognitionEntry(tuple(names), spec.preview_px)


def file_entries(folder: Path) -> Iterator[FileEntry]:
    """All files of a folder, by name."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name in sorted(paths):
        if paths[name].is_file():
            contents = paths[name].read_bytes()
            yield FileEntry(name, len(contents), hashlib.sha256(contents).hexdigest())
