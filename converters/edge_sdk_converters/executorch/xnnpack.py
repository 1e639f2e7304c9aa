"""PyTorch → ExecuTorch ``.pte`` with everything XNNPACK can take delegated to it."""

from __future__ import annotations

import operator
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_sdk.artifacts.seal import seal
from edge_sdk.errors import ConversionError, first_line
from edge_sdk.exported import (
    argument_of,
    check_free,
    end_names,
    export,
    layout_of,
    module_path,
    operator_name,
)
from edge_sdk.extras import require
from edge_sdk.outputs import replacing
from edge_sdk.quiet import suppressed_messages
from edge_sdk.size_range import SizeRange
from edge_sdk.targets import LoweringReport, TensorSpec
from edge_sdk_converters.checks.output_shapes import check_shapes, output_shapes, ranged_specs
from edge_sdk_converters.checks.request import check_codes, check_request
from edge_sdk_converters.checks.resize_factors import check_factors
from edge_sdk_converters.executorch.composites import composites_looked_up_once
from edge_sdk_converters.executorch.float_scalars import write_scalars_as_floats
from edge_sdk_converters.executorch.provenance import shared_provenance
from edge_sdk_converters.rewrites import FIRST, apply

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram
    from torch.fx import GraphModule, Node

    from edge_sdk.exported import Example


class ExecuTorchConverter:
    """Writes ``.pte`` files for the XNNPACK delegate; tensors stay NCHW.

    The file ends in a seal (a SHA-256 of what precedes it) that the ExecuTorch runtime does not
    read and by which :class:`edge_sdk.emulate.runtimes.executorch.ExecuTorchRunner` detects damage.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import ExecuTorchConverter
        >>> model, picture = nn.Conv2d(3, 8, 3).eval(), torch.rand(1, 3, 16, 16)
        >>> report = ExecuTorchConverter().convert(model, picture, "conv.pte", "fp32")
        >>> report.partitions, report.undelegated
        (1, ())
    """

    name = "executorch"
    format = "executorch"
    backend = "xnnpack"
    suffix = ".pte"
    precisions: tuple[str, ...] = ("fp32", "int8")
    extra = "executorch"
    runs_here = True
    rewrites: tuple[str, ...] = (
        *FIRST,
        "crops",
        "circles",
        "resizes",
        "folds",
        "product factors",
        "nearest by index",
        "pixel shuffles",
        "pads",
        "nearest",
        "means",
        "adaptive pools",
        "mirrors",
        "splits",
        "hard sigmoid",
        "mish",
        "softplus",
        "tanh gelu",
    )
    """Exact rewrites of the exported graph before it is lowered."""
    remarks: tuple[str, ...] = ()
    """What the report says about every artifact of this target."""
    takes_size_ranges = True

    def convert(
        self,
        model: nn.Module,
        example: Example,
        path: Path,
        precision: str = "fp32",
        *,
        sizes: SizeRange | None = None,
    ) -> LoweringReport:
        """Lower ``model`` for inputs shaped like ``example`` and write it to ``path``.

        Args:
            model: the model to convert; a copy is evaluated, the model itself stays as it is.
            example: float32, a picture N×C×H×W with values in [0, 1], or one tensor for each input
                of the model; the shapes become the artifact's.
            path: ``.pte`` file; it appears whole or not at all.
            precision: one of :attr:`precisions`; ``int8`` takes a model in int8 codes, and its file
                takes and returns float32 like the others.
            sizes: heights and widths of its one picture that the file takes; ``None`` for those of
                ``example`` alone.

        Returns:
            The report; ``undelegated`` lists operators that run on ExecuTorch's portable kernels,
            ``undelegated_modules`` the modules of ``model`` that they come from.

        Raises:
            MissingExtraError: if ExecuTorch is not installed.
            InputError: if the precision, the suffix or the example does not fit.
            ConversionError: if the model cannot be traced or holds an operator unknown to
                ExecuTorch.
            OutputError: if ``path`` cannot be written.
        """
        path = Path(path)
        check_request(self.name, self.suffix, self.precisions, path, precision)
        check_codes(model, precision)
        with suppressed_messages(), shared_provenance(), composites_looked_up_once():
            exir = require(self.extra, "executorch.exir")
            partitioner = self.partitioner(precision)
            program = export(model, example, sizes)
            check_factors(program)
            exported, rewrites = apply(self.rewrites, program, _takes)
            if sizes is not None:
                check_free(exported, model, sizes, self.name)
            self.settle(exported)
            try:
                edge = exir.to_edge_transform_and_lower(
                    exported, partitioner=[partitioner], constant_methods=_least_sides(sizes)
                )
                # Counted now: memory planning adds allocations to this very graph.
                counts = count_operators(edge.exported_program().graph_module)
                written = edge.to_executorch()
                buffer: bytes = written.buffer
            except Exception as error:
                raise ConversionError(
                    f"{type(model).__name__}: ExecuTorch cannot lower it ({first_line(error)}); "
                    "replace the operator it names or try --target tflite"
                ) from error
            _check_kernels(written.executorch_program, counts)
        lowered = edge.exported_program()
        inputs = _specs("input", _input_tensors(lowered))
        if sizes is None:
            outputs = _specs("output", _output_tensors(lowered))
            check_shapes(self.name, outputs, output_shapes(program))
        else:
            inputs, outputs = ranged_specs(model, example, sizes)
        sealed = seal(buffer)
        with replacing(path) as temporary:
            temporary.write_bytes(sealed)
        return LoweringReport(
            target=self.name,
            precision=precision,
            inputs=inputs,
            outputs=outputs,
            operators=dict(sorted((counts.delegated + Counter(counts.undelegated)).items())),
            partitions=counts.partitions,
            undelegated=tuple(counts.undelegated),
            undelegated_modules=tuple(counts.modules),
            rewrites=rewrites,
            size_bytes=len(sealed),
            remarks=self.remarks,
        )

    def settle(self, program: ExportedProgram) -> None:
        """Last changes of a rewritten program, in place."""
        write_scalars_as_floats(program)

    def partitioner(self, precision: str) -> Any:
        """ExecuTorch's partitioner that decides what the delegate takes.

        Raises:
            MissingExtraError: if ExecuTorch, or what the delegate's compiler needs, is missing.
        """
        xnnpack = require(self.extra, "executorch.backends.xnnpack.partition.xnnpack_partitioner")
        return xnnpack.XnnpackPartitioner()


_UNKNOWN = frozenset({"avg_pool3d", "conv3d", "hypot", "median", "sort", "var_mean"})
"""Operators that ExecuTorch's lowering or its runtime lacks, and which have a formula here."""


def _takes(node: Node) -> bool:
    """Whether ExecuTorch knows an operator, or takes it apart itself."""
    name = operator_name(node.target)
    if name == "adaptive_max_pool2d":
        # Places of the largest values are left whole, and refused.
        return any(user.args[1] == 1 for user in node.users)
    if str(node.target) == "aten.max.dim":
        return False
    if name == "amax":
        # XNNPACK takes it with its axes kept alone, and does not leave it to others without.
        return bool(argument_of(node, 2, "keepdim", False))
    return name not in _UNKNOWN


def _least_sides(sizes: SizeRange | None) -> dict[str, int] | None:
    """Methods that return a constant: the smallest size, which the format has no place for."""
    if sizes is None:
        return None
    height, width = sizes.least
    return {"input0_least_height": height, "input0_least_width": width}


def _check_kernels(program: Any, counts: OperatorCount) -> None:
    """Refuse a program whose operators outside the delegate the runtime has no kernels for.

    Raises:
        ConversionError: naming the operator and the module that it comes from.
    """
    runtime = require("executorch", "executorch.runtime")
    known = runtime.Runtime.get().operator_registry.operator_names
    for plan in program.execution_plan:
        for needed in plan.operators:
            name = f"{needed.name}.{needed.overload}" if needed.overload else needed.name
            if name in known:
                continue
            short = needed.name.rpartition("::")[2]
            where = [
                module
                for operator, module in zip(counts.undelegated, counts.modules, strict=True)
                if operator == short
            ]
            raise ConversionError(
                f"{where[0] if where else 'the model'}: ExecuTorch's runtime has no kernel for "
                f"{short}; replace the operator or choose another target"
            )


class OperatorCount:
    """Operators of a lowered graph, inside and outside the delegate, with the modules of those."""

    def __init__(self) -> None:
        self.partitions = 0
        self.delegated: Counter[str] = Counter()
        self.undelegated: list[str] = []
        self.modules: list[str] = []


def count_operators(graph_module: GraphModule) -> OperatorCount:
    """Count delegate calls, the operators inside them and those left outside."""
    count = OperatorCount()
    for node in graph_module.graph.nodes:
        if node.op != "call_function" or node.target is operator.getitem:
            continue
        if operator_name(node.target) == "executorch_call_delegate":
            count.partitions += 1
            inner = getattr(graph_module, node.args[0].target).original_module
            count.delegated.update(
                operator_name(part.target)
                for part in inner.graph.nodes
                if part.op == "call_function" and part.target is not operator.getitem
            )
        else:
            count.undelegated.append(operator_name(node.target))
            count.modules.append(module_path(node))
    return count


def _input_tensors(exported: Any) -> list[Tensor]:
    names = set(exported.graph_signature.user_inputs)
    return [node.meta["val"] for node in exported.graph.nodes if node.name in names]


def _output_tensors(exported: Any) -> list[Tensor]:
    # Lowering renames nodes without telling the signature: the output node is what counts.
    return [node.meta["val"] for node in exported.graph.output_node().args[0]]


def _specs(kind: str, tensors: list[Tensor]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            name=name,
            shape=tuple(int(size) for size in tensor.shape),
            dtype=str(tensor.dtype).removeprefix("torch."),
            layout=layout_of(tensor.dim()),
        )
        for name, tensor in zip(end_names(kind, len(tensors)), tensors, strict=True)
    )
