"""Core AI, Apple's successor of Core ML: one ``.aimodel`` folder, NCHW float32 in and out."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.artifacts.aimodel import seal_aimodel
from edge_sdk.artifacts.package_folder import place_package
from edge_sdk.errors import ConversionError, first_line
from edge_sdk.exported import (
    Example,
    as_inputs,
    end_names,
    export,
    layout_of,
    module_path,
    operator_name,
)
from edge_sdk.extras import require
from edge_sdk.outputs import size_of
from edge_sdk.quiet import suppressed_messages
from edge_sdk.targets import LoweringReport, TensorSpec
from edge_sdk_converters.checks.output_shapes import output_shapes
from edge_sdk_converters.checks.request import check_codes, check_folder_request
from edge_sdk_converters.checks.resize_factors import check_factors
from edge_sdk_converters.coreai.codes import CODES
from edge_sdk_converters.coreai.halves import in_halves
from edge_sdk_converters.rewrites import FIRST, apply

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram
    from torch.fx import Node


class CoreAIConverter:
    """Converts to a Core AI program for iOS 27, by Apple's own converter, a beta.

    The app hands over float32 and gets float32 back in every precision. ``fp16`` computes in half
    precision; ``int8`` stores int8 weights and holds the tensors in between in explicit codes, with
    float32 arithmetic between them, as PyTorch computes with the same codes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import CoreAIConverter
        >>> model, picture = nn.Conv2d(3, 8, 3).eval(), torch.rand(1, 3, 16, 16)
        >>> report = CoreAIConverter().convert(model, picture, "conv.aimodel", "fp32")
        >>> report.outputs[0].shape, report.operators["conv2d"]
        ((1, 8, 14, 14), 1)
    """

    name = "coreai"
    format = "coreai"
    backend = "coreai"
    runs_here = True
    suffix = ".aimodel"
    precisions: tuple[str, ...] = ("fp32", "fp16", "int8")
    extra = "coreai"
    rewrites: tuple[str, ...] = (
        *FIRST,
        "circles",
        "resizes",
        "folds",
        "nearest by index",
        "ceil means",
        "pixel shuffles",
        "pads",
        "adaptive pools",
    )
    """Exact rewrites of the exported graph before it is converted."""
    remarks: tuple[str, ...] = (
        "made by a beta of Apple's converter; a later one may write other files",
        "run here by Apple's own Core AI runtime, on this CPU; not an iPhone",
    )

    def convert(
        self, model: nn.Module, example: Example, path: Path, precision: str = "fp32"
    ) -> LoweringReport:
        """Lower ``model`` for inputs shaped like ``example`` and write it to ``path``.

        Args:
            model: the model to convert; a copy of it in evaluation mode is converted, the model
                itself is never changed.
            example: float32, a picture N×C×H×W with values in [0, 1], or one tensor for each input
                of the model; the shapes become the artifact's.
            path: where the ``.aimodel`` folder goes; it appears whole or not at all, and replaces
                an ``.aimodel`` that is already there.
            precision: one of :attr:`precisions`; ``int8`` takes a model in int8 codes.

        Returns:
            The report; ``operators`` counts Core AI's operations, constants left out.

        Raises:
            MissingExtraError: if Core AI is not installed.
            InputError: if the precision or the suffix is not this converter's, or the model does
                not take ``example``.
            ConversionError: if an operator of the model has no counterpart in Core AI.
            OutputError: if ``path`` cannot be written.
        """
        path = Path(path)
        check_folder_request(self.name, self.suffix, self.precisions, path, precision)
        check_codes(model, precision)
        with _silenced():
            require(self.extra)
            apple = require(self.extra, "coreai_torch")
            exported = export(model, example)
            check_factors(exported)
            rewritten, rewrites = apply(self.rewrites, exported)
            core = rewritten.run_decompositions(apple.get_decomp_table())
            program, parts = apply(("alphas", "core operators"), core, _takes)
            _check_operators(program)
            shapes = [tuple(each.shape) for each in as_inputs(example)], output_shapes(exported)
            if precision == "fp16":
                program = in_halves(program)
            inputs, outputs = (
                tuple(
                    TensorSpec(name, shape, "float32", layout_of(len(shape)))
                    for name, shape in zip(end_names(kind, len(each)), each, strict=True)
                )
                for kind, each in zip(("input", "output"), shapes, strict=True)
            )
            converted = _converted(program, inputs, outputs)
            operators = _write(converted, path)
        return LoweringReport(
            target=self.name,
            precision=precision,
            inputs=inputs,
            outputs=outputs,
            operators=operators,
            rewrites=(*rewrites, *parts),
            size_bytes=size_of(path),
            remarks=self.remarks,
        )


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep the progress bar and the warnings of Apple's packages from the user."""
    text = io.StringIO()
    with (
        suppressed_messages(),
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(text),
    ):
        yield


def _known() -> set[str]:
    """Operators that Apple's converter has a translation of, such as ``convolution.default``."""
    from coreai_torch._aten_to_core import _aten_to_core_resolver

    return set(_aten_to_core_resolver)


def _takes(node: Node) -> bool:
    return str(node.target).removeprefix("aten.") in _known()


def _check_operators(program: ExportedProgram) -> None:
    """Refuse what Apple's converter would, by the name of the module that it comes from.

    Raises:
        ConversionError: naming the first operator without a translation.
    """
    for node in program.graph.nodes:
        # Apple's converter drops what only asserts.
        if "_assert" in str(node.target):
            continue
        if getattr(node.target, "namespace", "") == "aten" and not _takes(node):
            raise ConversionError(
                f"{module_path(node)}: Core AI's converter has no translation of "
                f"{operator_name(node.target)}; rewrite the model without it or choose another "
                "target"
            )


def _converted(
    program: ExportedProgram, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> Any:
    apple = require("coreai", "coreai_torch")
    converter = apple.TorchConverter(mode=apple.TorchConverter.Mode.RELEASE)
    for name, lower in CODES.items():
        converter.register_torch_lowering(f"quantized_decomposed::{name}.default")(lower)
    try:
        converter.add_exported_program(
            program,
            input_names=[each.name for each in inputs],
            output_names=[each.name for each in outputs],
        )
        return converter.to_coreai()
    except Exception as error:
        raise ConversionError(
            f"{_culprit(error)} ({first_line(error)}); rewrite the model without it or choose "
            "another target"
        ) from error


def _culprit(error: Exception) -> str:
    """What Apple's converter was translating when it raised, which it does not say itself."""
    node = None
    trace = error.__traceback__
    while trace is not None:
        node = trace.tb_frame.f_locals.get("node", node)
        trace = trace.tb_next
    if not isinstance(node, torch.fx.Node):
        return "Core AI cannot represent the model"
    return f"{module_path(node)}: Core AI cannot represent {operator_name(node.target)}"


def _write(program: Any, path: Path) -> dict[str, int]:
    """Save and seal the program; gives its operations with their counts."""
    counts: dict[str, int] = {}

    def save(fresh: Path) -> None:
        asset = program.save_asset(fresh)
        counts.update(asset.summary().operation_distribution)
        seal_aimodel(fresh)

    place_package(save, path)
    counts.pop("constant", None)
    return counts
