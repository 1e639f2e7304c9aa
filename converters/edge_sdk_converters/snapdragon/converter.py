"""The converter: the model as target ``tflite`` writes it, then compiled for a chip's HTP."""

from __future__ import annotations

import platform
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.artifacts.dispatch import DISPATCH, read_compiled
from edge_sdk.artifacts.seal import seal
from edge_sdk.devices.snapdragon import SNAPDRAGONS, USUAL, find_snapdragon
from edge_sdk.errors import InputError, MissingExtraError
from edge_sdk.extras import require
from edge_sdk.outputs import replacing
from edge_sdk.targets import LoweringReport, find_converter
from edge_sdk_converters.checks.request import check_codes, check_request
from edge_sdk_converters.snapdragon.compiler import EXTRA, LEVELS, compile_for

if TYPE_CHECKING:
    from torch import nn

    from edge_sdk.exported import Example

FIRST_WITH_HALVES = 69
"""Version of the Hexagon architecture from which on the HTP computes in half precision."""
MOST_AT_3 = 300
"""Operators up to which the optimizer's level 3 takes a few seconds."""
PLAIN = {"fp16": "fp32", "int8": "int8"}
"""Precision of the TFLite file that each is compiled from: the HTP computes floats in half."""


class SnapdragonConverter:
    """Writes ``.tflite`` files that LiteRT on a phone hands to the Hexagon Tensor Processor.

    They are compiled ahead of time for one chip, whose name stands in the file, by Qualcomm's own
    compiler from the package onnxruntime-qnn. Ends are as those of target ``tflite``: int8 in
    ``int8``, float32 in ``fp16``. Compiling takes a second or a few, and no SDK or C compiler.

    Args:
        soc: chip, such as ``SM8650``; upper or lower case.
        optimization: level of Qualcomm's optimizer, 2 or 3. At 3 a graph of hundreds of operators
            takes half a minute, at 2 a second, and both compute the same; which is faster on a
            phone was not measured. ``None`` for 3, and 2 for more than ``MOST_AT_3`` operators.

    Raises:
        InputError: if the chip or the level is unknown.

    Example:
        >>> from edge_sdk_converters import SnapdragonConverter
        >>> SnapdragonConverter("sm8750").soc
        'SM8750'
    """

    name = "snapdragon"
    format = "tflite"
    backend = "qnn-htp"
    runs_here = True
    suffix = ".tflite"
    precisions: tuple[str, ...] = ("fp16", "int8")
    extra = EXTRA
    builds_on = "tflite"
    socs: tuple[str, ...] = tuple(SNAPDRAGONS)

    def __init__(self, soc: str = USUAL, optimization: int | None = None) -> None:
        if optimization not in (None, *LEVELS):
            raise InputError(
                f"optimization is {optimization}; give {' or '.join(map(str, LEVELS))}, or None to "
                "have it chosen by the number of operators"
            )
        self._chip = find_snapdragon(soc)
        self.optimization = optimization

    @property
    def soc(self) -> str:
        """The chip that files are compiled for."""
        return self._chip.name

    def for_soc(self, soc: str) -> SnapdragonConverter:
        """The converter for another chip.

        Raises:
            InputError: if the chip is unknown.
        """
        return type(self)(soc, self.optimization)

    def convert(
        self, model: nn.Module, example: Example, path: Path, precision: str = "fp16"
    ) -> LoweringReport:
        """Lower ``model`` for inputs shaped like ``example`` and write it to ``path``.

        Args:
            model: the model to convert; a copy is evaluated, the model itself stays as it is.
            example: float32, a picture N×C×H×W with values in [0, 1], or one tensor for each input
                of the model; the shapes become the artifact's.
            path: ``.tflite`` file; it appears whole or not at all.
            precision: one of :attr:`precisions`.

        Returns:
            The report: its operators are those that were compiled, ``partitions`` counts the parts
            for the HTP, and ``undelegated`` names what is left to the phone's CPU.

        Raises:
            MissingExtraError: if TensorFlow, LiteRT or Qualcomm's libraries are not installed.
            InputError: if the precision, the suffix or the example does not fit.
            ConversionError: if target ``tflite`` or Qualcomm's compiler cannot make the file, or
                the HTP takes no operator of it.
            OutputError: if ``path`` cannot be written.
        """
        path = Path(path)
        check_request(self.name, self.suffix, self.precisions, path, precision)
        check_codes(model, precision)
        if sys.platform != "linux" or platform.machine() != "x86_64":
            raise MissingExtraError(
                f"target '{self.name}' needs Qualcomm's compiler, which is packaged for Linux on "
                "x86-64; convert there, or take --target tflite"
            )
        if precision == "fp16" and self._chip.htp_arch < FIRST_WITH_HALVES:
            raise InputError(
                f"the HTP of {self.soc} (v{self._chip.htp_arch}) has no half precision, and its "
                "emulator would compute in single; take --precision int8 or a later chip"
            )
        require(self.extra)
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "plain.tflite"
            report = find_converter(self.builds_on).convert(model, example, plain, PLAIN[precision])
            total = sum(report.operators.values())
            level = self.optimization or (3 if total <= MOST_AT_3 else 2)
            content = compile_for(self._chip, plain, level)
        held = read_compiled(content)
        sealed = seal(content)
        with replacing(path) as temporary:
            temporary.write_bytes(sealed)
        return replace(
            report,
            target=self.name,
            precision=precision,
            partitions=len(held.parts),
            undelegated=held.left,
            size_bytes=len(sealed),
            remarks=(
                *report.remarks,
                f"compiled for {self.soc} ({self._chip.sold_as}): {total - len(held.left)} of "
                f"{total} operators on its NPU, in {len(held.parts)} {DISPATCH}",
                f"made by Qualcomm's own HTP compiler at level {level} of its optimizer"
                f"{_why(level, total, self.optimization)}; not compared with a phone",
            ),
        )


def _why(level: int, operators: int, asked: int | None) -> str:
    if asked is not None or level == LEVELS[-1]:
        return ""
    return f" (of {LEVELS[-1]}, which would take half a minute for {operators} operators)"
