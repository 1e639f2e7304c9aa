"""Core ML: one ML program in an ``.mlpackage`` folder, NCHW float32 in and out."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_sdk.artifacts.coreml import import_coremltools, one_line, silenced
from edge_sdk.artifacts.coreml_form import settle_package
from edge_sdk.artifacts.package_folder import place_package
from edge_sdk.emulate.mil.declared import DECLARED_OPERATIONS
from edge_sdk.errors import ConversionError
from edge_sdk.exported import (
    Example,
    as_inputs,
    check_free,
    end_names,
    export,
    layout_of,
    module_path,
)
from edge_sdk.outputs import size_of
from edge_sdk.size_range import SizeRange
from edge_sdk.targets import LoweringReport, TensorSpec
from edge_sdk_converters.checks.output_shapes import check_shapes, output_shapes, ranged_specs
from edge_sdk_converters.checks.request import CODED, check_codes, check_folder_request
from edge_sdk_converters.checks.resize_factors import check_factors
from edge_sdk_converters.rewrites import ML_PROGRAM, apply
from edge_sdk_converters.rewrites.window_formulas import is_windowed

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram
    from torch.fx import Node


PALETTE_BITS = 6


class CoreMLConverter:
    """Converts to an ML program of the iOS 16 operation set (the first with ``pixel_unshuffle``).

    The app hands over float32 and gets float32 back in every precision; all but ``fp32`` compute in
    half precision. ``fp16`` stores weights so, ``w8`` as int8 codes, ``palette`` as 6-bit indices
    into a table per layer (k-means), and ``int8`` also holds every tensor in between in codes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import CoreMLConverter
        >>> picture = torch.rand(1, 3, 16, 16)
        >>> model = nn.Conv2d(3, 8, 3).eval()
        >>> report = CoreMLConverter().convert(model, picture, "conv.mlpackage", "fp32")
        >>> report.outputs[0].shape, "conv" in report.operators
        ((1, 8, 14, 14), True)
    """

    name = "coreml"
    format = "coreml"
    backend = "mlprogram"
    runs_here = True
    suffix = ".mlpackage"
    precisions: tuple[str, ...] = ("fp32", "fp16", "w8", "palette", "int8")
    extra = "coreml"
    rewrites: tuple[str, ...] = ML_PROGRAM
    """Exact rewrites of the exported graph before it is converted."""
    takes_size_ranges = True

    def convert(
        self,
        model: nn.Module,
        example: Example,
        path: Path,
        precision: str,
        *,
        sizes: SizeRange | None = None,
    ) -> LoweringReport:
        """Lower ``model`` for inputs shaped like ``example`` and write it to ``path``.

        Args:
            model: the model to convert; a copy of it in evaluation mode is converted, the model
                itself is never changed.
            example: float32, a picture N×C×H×W with values in [0, 1], or one tensor for each input
                of the model; the shapes become the artifact's.
            path: where the ``.mlpackage`` folder goes; it appears whole or not at all, and replaces
                an ``.mlpackage`` that is already there.
            precision: one of :attr:`precisions`; ``w8`` and ``int8`` take a model in int8 codes.
            sizes: heights and widths of its one picture that the file takes; ``None`` for those of
                ``example`` alone.

        Returns:
            The report; ``operators`` counts MIL operations, constants left out.

        Raises:
            MissingExtraError: if coremltools is not installed.
            InputError: if the precision or the suffix is not this converter's, or the model does
                not take ``example``.
            ConversionError: if an operator of the model has no counterpart in Core ML.
            OutputError: if ``path`` cannot be written.
        """
        path = Path(path)
        check_folder_request(self.name, self.suffix, self.precisions, path, precision)
        check_codes(model, precision)
        coremltools = import_coremltools()
        with silenced():
            exported = export(model, example, sizes)
            check_factors(exported)
            program, rewrites = apply(self.rewrites, exported, _takes)
            if sizes is not None:
                check_free(program, model, sizes, self.name)
        package = _converted(coremltools, program, example, precision, sizes)
        spec = package.get_spec()
        operators = _operator_counts(spec)
        if sizes is None:
            inputs, outputs = map(_tensor_specs, (spec.description.input, spec.description.output))
            check_shapes(self.name, outputs, output_shapes(exported))
        else:
            inputs, outputs = ranged_specs(model, example, sizes)
        _write(package, path)
        return LoweringReport(
            target=self.name,
            precision=precision,
            inputs=inputs,
            outputs=outputs,
            operators=operators,
            rewrites=rewrites,
            size_bytes=size_of(path),
            remarks=_remarks(operators),
        )


def _converted(
    coremltools: ModuleType,
    program: ExportedProgram,
    example: Example,
    precision: str,
    sizes: SizeRange | None,
) -> Any:
    given = as_inputs(example)
    shapes: list[tuple[Any, ...]] = [tuple(each.shape) for each in given]
    if sizes is not None:
        sides = (
            low if low == high else coremltools.RangeDim(low, high, default=low)
            for low, high in zip(sizes.least, sizes.most, strict=True)
        )
        shapes = [(*shapes[0][:2], *sides)]
    outputs = end_names("output", len(program.graph_signature.user_outputs))
    half = precision != "fp32"
    with silenced() as logged:
        try:
            package = coremltools.convert(
                program,
                pass_pipeline=_pipeline(coremltools),
                convert_to="mlprogram",
                inputs=[
                    coremltools.TensorType(name, shape=shape, dtype=np.float32)
                    for name, shape in zip(end_names("input", len(given)), shapes, strict=True)
                ],
                outputs=[coremltools.TensorType(name, dtype=np.float32) for name in outputs],
                compute_precision=getattr(coremltools.precision, "FLOAT16" if half else "FLOAT32"),
                # Int8 codes came with iOS 17.
                minimum_deployment_target=getattr(
                    coremltools.target, "iOS17" if precision in CODED else "iOS16"
                ),
                skip_model_load=True,
            )
            return _palettized(package) if precision == "palette" else package
        except Exception as error:
            raise ConversionError(_conversion_message(error, logged, program)) from error


def _takes(node: Node) -> bool:
    """Whether coremltools has a translation of an operator."""
    from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY

    if _kind(node) == "max_pool2d":
        x: Any
        x, *others = node.args
        return not is_windowed(x.meta["val"], *others)  # type: ignore[arg-type]
    return _kind(node) in _TORCH_OPS_REGISTRY


def _kind(node: Node) -> str:
    """What coremltools calls an operator; empty for what is none."""
    from coremltools.converters.mil.frontend.torch.utils import sanitize_op_kind

    name = getattr(node.target, "name", None)
    return str(sanitize_op_kind(name())) if node.op == "call_function" and name else ""


def _pipeline(coremltools: ModuleType) -> Any:
    """Passes of coremltools, less the one that replaces the scheme's scales by their ratios."""
    pipeline = coremltools.PassPipeline()
    pipeline.remove_passes({"common::distributive_quantized_binary_op_scale_normalization"})
    return pipeline


def _palettized(package: Any) -> Any:
    import coremltools.optimize.coreml as optimize

    # The default threshold leaves small weights as they are, which is all that thin nets have.
    config = optimize.OpPalettizerConfig(mode="kmeans", nbits=PALETTE_BITS, weight_threshold=0)
    return optimize.palettize_weights(package, optimize.OptimizationConfig(global_config=config))


def _conversion_message(error: Exception, logged: list[str], program: ExportedProgram) -> str:
    # coremltools logs the operator it was converting; one it does not know is in the error alone.
    quoted = re.compile(r"converting '([\w.]+)' op|op '([\w.]+)'|, kind ([\w.]+)")
    found = next((match for text in (*logged, str(error)) if (match := quoted.search(text))), None)
    name = found[found.lastindex or 0] if found else ""
    operator = f"operator '{name}'" if name else "the model"
    nodes = [node for node in program.graph.nodes if _kind(node) == name] if name else []
    where = f"{module_path(nodes[0])}: " if nodes else ""
    return (
        f"{where}Core ML cannot represent {operator} ({one_line(error)}); "
        "rewrite the model without it or choose another target"
    )


def _write(package: Any, path: Path) -> None:
    def save(fresh: Path) -> None:
        with silenced():
            package.save(str(fresh))
            settle_package(fresh)

    place_package(save, path)


def _remarks(operators: dict[str, int]) -> tuple[str, ...]:
    others = sorted(set(operators) - DECLARED_OPERATIONS)
    if not others:
        return ()
    return (f"uses {', '.join(others)}, outside the list of operations that edge-sdk tests",)


def _operator_counts(spec: Any) -> dict[str, int]:
    function = spec.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    counts = Counter(str(operation.type) for operation in block.operations)
    del counts["const"]
    return {kind: counts[kind] for kind in sorted(counts)}


def _tensor_specs(features: Any) -> tuple[TensorSpec, ...]:
    specs = []
    for feature in features:
        shape = tuple(int(size) for size in feature.type.multiArrayType.shape)
        specs.append(TensorSpec(feature.name, shape, "float32", layout_of(len(shape))))
    return tuple(specs)
