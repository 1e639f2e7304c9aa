"""PyTorch → ``.pte`` for Arm's Ethos-U85, compiled by Vela: a guide to size and cycles."""

from __future__ import annotations

import csv
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.errors import ConversionError, MissingExtraError
from edge_sdk.exported import as_inputs
from edge_sdk.extras import require
from edge_sdk.outputs import replacing
from edge_sdk.quiet import quiet_output
from edge_sdk.targets import LoweringReport
from edge_sdk_converters.checks.request import check_request
from edge_sdk_converters.executorch.xnnpack import ExecuTorchConverter
from edge_sdk_converters.rewrites import FIRST

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from edge_sdk.exported import Example
    from edge_sdk.size_range import SizeRange

LEAST_DB = 50.0
"""Least agreement of the outputs' codes with PyTorch's, as of every int8 file whose runtime rounds
otherwise than PyTorch; one code of 255 everywhere is 48 dB."""
_MARK = {"_arm_annotation_info": {"quantized": True}}
"""What Arm's quantizer leaves at every node that is in codes; ours are chosen before."""


class EthosU85Converter(ExecuTorchConverter):
    """Writes ``.pte`` files for a microcontroller's NPU, Ethos-U85 with 256 MACs a cycle.

    Vela, Arm's compiler, tells cycles that depend on the network alone, the only such figure that a
    desk has; they are of that NPU with memory of its own, not of a phone. What the file computes is
    checked by Arm's reference model of TOSA, from which Vela compiles.

    Example:
        >>> from edge_sdk_converters.executorch.ethos import EthosU85Converter
        >>> EthosU85Converter().precisions
        ('int8',)
    """

    name = "ethos-u85"
    backend = "ethos-u85"
    precisions: tuple[str, ...] = ("int8",)
    extra = "ethos"
    runs_here = False
    takes_size_ranges = False
    rewrites: tuple[str, ...] = (*FIRST, "int8 biases")
    remarks = ("a size guide: cycles by Arm's Vela for a microcontroller's NPU, not a phone's",)

    def convert(
        self,
        model: nn.Module,
        example: Example,
        path: Path,
        precision: str = "int8",
        *,
        sizes: SizeRange | None = None,
    ) -> LoweringReport:
        """Lower ``model`` as :meth:`ExecuTorchConverter.convert` does; in int8.

        Returns:
            The report; its remarks tell Vela's cycles and memory, and how many of the outputs'
            codes the TOSA reference model gives as PyTorch does.

        Raises:
            MissingExtraError: if Arm's packages are not installed: they pin older versions of what
                others need, so that they have an environment of their own.
            ConversionError: if an operator cannot be lowered, or the reference model computes
                something else.
        """
        try:
            require(self.extra)
        except MissingExtraError as error:
            raise MissingExtraError(
                f"target '{self.name}' needs Arm's Vela and TOSA packages, which have an "
                "environment of their own; make one by `make env-arm` in a checkout, or by "
                "pip install 'edge-sdk[executorch]' 'executorch[ethos-u]==1.5.1'"
            ) from error
        # Out variants of the operators at the ends.
        require("executorch", "executorch.kernels.quantized")
        path = Path(path)
        check_request(self.name, self.suffix, self.precisions, path, precision)
        with tempfile.TemporaryDirectory() as name:
            self._folder = Path(name)
            staged = self._folder / path.name
            with quiet_output():
                report = super().convert(model, example, staged, precision, sizes=sizes)
            content = staged.read_bytes()
            apart = _codes_apart(model, example, self._folder)
            figures = _figures(self._folder)
        squares = float(apart.double().square().mean())
        agreed = math.inf if squares == 0 else -10 * math.log10(squares / 255**2)
        if not agreed >= LEAST_DB:
            raise ConversionError(
                f"{type(model).__name__}: Arm's TOSA reference model is {agreed:.1f} dB from "
                f"PyTorch's codes, where {LEAST_DB:.0f} must be reached; report this model and "
                "choose another target"
            )
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        equal = float((apart == 0).float().mean())
        checked = (
            f"{equal:.3%} of the outputs' codes as in PyTorch, by the TOSA reference model; the "
            f"others up to {int(apart.abs().max())} away"
        )
        return replace(report, remarks=(*report.remarks, figures, checked))

    def settle(self, program: ExportedProgram) -> None:
        """Mark every operator between codes as what it is."""
        for node in program.graph.nodes:
            if node.op == "call_function" and "quantized_decomposed" not in str(node.target):
                node.meta["custom"] = {**node.meta.get("custom", {}), **_MARK}

    def partitioner(self, precision: str) -> Any:
        """Arm's partitioner for the NPU, which leaves what it makes on the way in a folder."""
        ethos = require(self.extra, "executorch.backends.arm.ethosu")
        spec = ethos.EthosUCompileSpec(
            "ethos-u85-256",
            system_config="Ethos_U85_SYS_DRAM_Mid",
            memory_mode="Dedicated_Sram_384KB",
        )
        return ethos.EthosUPartitioner(spec.dump_intermediate_artifacts_to(str(self._folder)))


def _figures(folder: Path) -> str:
    """Vela's summary of one run, for people."""
    (summary,) = folder.rglob("*_summary_*.csv")
    with summary.open(encoding="utf-8", newline="") as lines:
        *_, found = csv.DictReader(lines)
    cycles, sram = float(found["cycles_total"]), float(found["sram_memory_used"])
    return (
        f"{cycles / 1e6:.2f} million cycles a run on an Ethos-U85 of 256 MACs, {sram:.0f} KiB of "
        "its SRAM, by Vela's estimate"
    )


def _codes_apart(model: nn.Module, example: Example, folder: Path) -> Tensor:
    """The codes of the outputs by the TOSA reference model, less PyTorch's.

    Raises:
        ConversionError: if what was compiled is not one graph, or does not run.
    """
    reference = require("ethos", "tosa_reference_model")
    graphs = sorted(folder.glob("*tag0*.tosa"))
    if len(graphs) != 1:
        raise ConversionError(
            f"{type(model).__name__}: the NPU takes it in {len(graphs)} parts, which the reference "
            "model cannot check; choose another target"
        )
    inputs, outputs = _ends(model)
    given = [
        torch.clamp(torch.round(each / step) + zero, -128, 127).to(torch.int8).numpy()
        for each, (step, zero) in zip(as_inputs(example), inputs, strict=True)
    ]
    with quiet_output():
        made, status = reference.run(graphs[0].read_bytes(), given, verbosity="LOW")
    if status != reference.GraphStatus.TOSA_VALID:
        raise ConversionError(
            f"{type(model).__name__}: Arm's TOSA reference model does not run it ({status}); "
            "choose another target"
        )
    with torch.no_grad():
        leaves: list[Tensor] = torch.utils._pytree.tree_leaves(model(*as_inputs(example)))
    apart = []
    for found, expected, (step, zero) in zip(made, leaves, outputs, strict=True):
        codes = torch.round(expected / step) + zero
        apart.append((torch.as_tensor(found).reshape(codes.shape) - codes).flatten())
    return torch.cat(apart)


Ends = list[tuple[float, int]]


def _ends(model: nn.Module) -> tuple[Ends, Ends]:
    """Steps and zero points of the codes at the ends of a graph, in order."""
    graph = model.graph
    assert isinstance(graph, torch.fx.Graph)
    inputs = [
        next(user.args[1:3] for user in node.users)
        for node in graph.nodes
        if node.op == "placeholder"
    ]
    leaves = torch.utils._pytree.tree_leaves(graph.output_node().args[0])
    return inputs, [leaf.args[1:3] for leaf in leaves]
