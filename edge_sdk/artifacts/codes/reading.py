"""What a file stores in int8: steps and zero points of its tensors, and its layers' weights."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.artifacts.codes.layers import StoredCodes


def read_codes(path: Path) -> StoredCodes | None:
    """Read the codes of a ``.tflite`` file, an ``.mlpackage`` or a ``.pte`` file.

    Of a ``.pte`` file only the activations of its XNNPACK partitions are read.

    Returns:
        The codes; ``None`` for other formats.

    Raises:
        MissingExtraError: if the package that reads the format is not installed.
    """
    if path.suffix == ".tflite":
        from edge_sdk.artifacts.codes.tflite import tflite_codes

        return tflite_codes(path.read_bytes())
    if path.suffix == ".mlpackage":
        from edge_sdk.artifacts.codes.coreml import mil_codes

        return mil_codes(path)
    if path.suffix == ".pte":
        from edge_sdk.artifacts.codes.xnnpack import xnnpack_codes

        return StoredCodes(xnnpack_codes(path.read_bytes()), None)
    return None
