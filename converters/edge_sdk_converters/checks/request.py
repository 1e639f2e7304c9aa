"""Requests that cannot work are refused before any time is spent on lowering."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.artifacts.package_folder import check_package_place
from edge_sdk.errors import InputError
from edge_sdk.outputs import check_writable
from edge_sdk.quantization.insertion import is_quantized

if TYPE_CHECKING:
    from torch import nn

CODED = ("w8", "int8", "int8-float-io")
"""Precisions whose numbers are codes that the model already holds."""


def check_request(
    name: str, suffix: str, precisions: tuple[str, ...], path: Path, precision: str
) -> None:
    """Refuse a precision, suffix or place that the converter cannot serve.

    Args:
        name: registry name of the converter, for the message.
        suffix: suffix that the artifact must have.
        precisions: precisions the converter offers.
        path: where the artifact goes.
        precision: the precision requested.

    Raises:
        InputError: if the precision or the suffix is not the converter's.
        OutputError: if ``path`` cannot be written.
    """
    _check_names(name, suffix, precisions, path, precision)
    check_writable(path)


def check_folder_request(
    name: str, suffix: str, precisions: tuple[str, ...], path: Path, precision: str
) -> None:
    """The same for an artifact that is a folder; an earlier package there may be replaced.

    Raises:
        InputError: if the precision or the suffix is not the converter's.
        OutputError: if ``path`` cannot be written, or something else is in the way.
    """
    _check_names(name, suffix, precisions, path, precision)
    check_package_place(path)


def check_codes(model: nn.Module, precision: str) -> None:
    """Refuse a model whose numbers are not those of the precision.

    Raises:
        InputError: if the model holds int8 codes and the precision does not, or the reverse.
    """
    if is_quantized(model) == (precision in CODED):
        return
    if precision in CODED:
        raise InputError(
            f"precision '{precision}' needs a model in int8 codes; quantize it first "
            "(edge_sdk.quantization.quantize)"
        )
    raise InputError(
        f"the model holds int8 codes, so '{precision}' would be a wrong name for it; choose one "
        f"of: {', '.join(CODED)}"
    )


def _check_names(
    name: str, suffix: str, precisions: tuple[str, ...], path: Path, precision: str
) -> None:
    if precision not in precisions:
        raise InputError(
            f"target '{name}' has no precision '{precision}'; choose one of: "
            + ", ".join(precisions)
        )
    if path.suffix != suffix:
        raise InputError(f"{path}: target '{name}' writes {suffix}; end the name in {suffix}")
