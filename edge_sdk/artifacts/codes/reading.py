"""What a file stores in int8: steps and zero points of its tensors, and its layers' weights."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.artifacts.codes.layers import StoredCodes
from edge_sdk.artifacts.dispatch import is_compiled


def read_codes(path: Path) -> StoredCodes | None:
    """Read the codes of a ``.tflite`` file, an ``.mlpackage``, a ``.pte`` file or an ``.aimodel``.

    Of an ``.aimodel`` only the activations are read, and of a ``.pte`` file those of its XNNPACK
    partitions. A ``.tflite`` file compiled for a neural processor keeps its codes in its vendor's
    own form, which nothing reads.

    Args:
        path: the file, or the folder of a package.

    Returns:
        The codes; ``None`` for other formats, and for a file that is compiled.

    Raises:
        MissingExtraError: if the package that reads the format is not installed.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import find_converter, quantize
        >>> from edge_sdk.artifacts import read_codes
        >>> picture = torch.rand(1, 3, 8, 8)
        >>> made = quantize(nn.Conv2d(3, 3, 3).eval(), picture, [picture])
        >>> report = find_converter("executorch").convert(made.model, picture, "conv.pte", "int8")
        >>> from pathlib import Path
        >>> codes = read_codes(Path("conv.pte"))
        >>> codes.activations[0].zero_point
        -128
    """
    if path.suffix == ".tflite":
        from edge_sdk.artifacts.codes.tflite import tflite_codes

        content = path.read_bytes()
        return None if is_compiled(content) else tflite_codes(content)
    if path.suffix == ".mlpackage":
        from edge_sdk.artifacts.codes.coreml import mil_codes

        return mil_codes(path)
    if path.suffix == ".pte":
        from edge_sdk.artifacts.codes.xnnpack import xnnpack_codes

        return StoredCodes(xnnpack_codes(path.read_bytes()), None)
    if path.suffix == ".aimodel":
        from edge_sdk.artifacts.codes.coreai import aimodel_codes

        return StoredCodes(aimodel_codes(path), None)
    return None
