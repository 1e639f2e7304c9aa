"""PyTorch → ExecuTorch ``.pte`` for Apple devices through the Core ML delegate."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_sdk.artifacts.coreml import import_coremltools, silenced
from edge_sdk.artifacts.package_folder import write_package
from edge_sdk.errors import ArtifactError
from edge_sdk.extras import require
from edge_sdk.outputs import check_writable
from edge_sdk_converters.executorch.xnnpack import ExecuTorchConverter
from edge_sdk_converters.rewrites import ML_PROGRAM

if TYPE_CHECKING:
    from torch import nn

    from edge_sdk.exported import Example
    from edge_sdk.size_range import SizeRange
from edge_sdk.targets import LoweringReport

BACKEND_ID = "CoreMLBackend"


class ExecuTorchCoreMLConverter(ExecuTorchConverter):
    """Writes ``.pte`` files whose delegated part is an ML program, in half precision inside.

    The desktop runtime has no Core ML delegate. :func:`extract_programs` takes the ML program out
    of the file, so that the MIL interpreter, or a Mac, can run it.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import ExecuTorchCoreMLConverter
        >>> model, picture = nn.Conv2d(3, 8, 3).eval(), torch.rand(1, 3, 16, 16)
        >>> report = ExecuTorchCoreMLConverter().convert(model, picture, "conv.pte", "fp16")
        >>> report.partitions, report.undelegated
        (1, ())
    """

    name = "executorch-coreml"
    backend = "coreml"
    precisions: tuple[str, ...] = ("fp16",)
    runs_here = False
    rewrites: tuple[str, ...] = ML_PROGRAM
    takes_size_ranges = False
    remarks = (
        "not run: the desktop runtime has no Core ML delegate; the ML program inside can be taken "
        "out and interpreted",
    )

    def convert(
        self,
        model: nn.Module,
        example: Example,
        path: Path,
        precision: str = "fp16",
        *,
        sizes: SizeRange | None = None,
    ) -> LoweringReport:
        """Lower ``model`` as :meth:`ExecuTorchConverter.convert` does; in ``fp16``."""
        with silenced():
            return super().convert(model, example, path, precision, sizes=sizes)

    def partitioner(self, precision: str) -> Any:
        """Core ML's partitioner for the operation set of iOS 16."""
        coremltools = import_coremltools()
        compiler = require(self.extra, "executorch.backends.apple.coreml.compiler")
        partition = require(self.extra, "executorch.backends.apple.coreml.partition")
        specs = compiler.CoreMLBackend.generate_compile_specs(
            compute_precision=coremltools.precision.FLOAT16,
            minimum_deployment_target=coremltools.target.iOS16,
        )
        return partition.CoreMLPartitioner(compile_specs=specs)


def extract_programs(path: Path, folder: Path) -> tuple[Path, ...]:
    """Take the ML programs out of a ``.pte`` file that was lowered to the Core ML delegate.

    With one partition the program's input and output are those of the model, under names that
    ExecuTorch chose; with several, each is a part of the model.

    Args:
        path: the ``.pte`` file.
        folder: where the packages go, named after the file, with a number if there are several.

    Returns:
        The ``.mlpackage`` folders, in order of execution.

    Raises:
        MissingExtraError: if ExecuTorch is not installed.
        ArtifactError: if the file is damaged or holds no ML program.
        OutputError: if a package cannot be written.
    """
    path, folder = Path(path), Path(folder)
    programs = _delegated(path)
    if not programs:
        raise ArtifactError(
            f"{path}: holds no ML program; convert the model with --target executorch-coreml"
        )
    unflatten = require(
        "executorch", "executorch.backends.apple.coreml.executorchcoreml"
    ).unflatten_directory_contents
    written = []
    for index, program in enumerate(programs):
        number = f"_{index}" if len(programs) > 1 else ""
        target = folder / f"{path.stem}{number}.mlpackage"
        check_writable(target / "Manifest.json" if target.is_dir() else target)
        with tempfile.TemporaryDirectory() as scratch:
            if not unflatten(program, scratch):
                raise ArtifactError(f"{path}: its ML program is damaged; convert the model again")
            packages = sorted(Path(scratch).rglob("*.mlpackage"))
            if len(packages) != 1:
                raise ArtifactError(
                    f"{path}: holds a compiled model instead of an .mlpackage; convert it with "
                    "edge-sdk"
                )
            write_package(packages[0], target)
        written.append(target)
    return tuple(written)


def _delegated(path: Path) -> list[bytes]:
    """Payloads of the Core ML delegate in a program, in order."""
    serialize = require("executorch", "executorch.exir._serialize._program")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.strerror}); check the name and its permissions"
        ) from error
    try:
        program = serialize.deserialize_pte_binary(content).program
        return [
            bytes(program.backend_delegate_data[delegate.processed.index].data)
            for plan in program.execution_plan
            for delegate in plan.delegates
            if delegate.id == BACKEND_ID
        ]
    except Exception as error:
        raise ArtifactError(
            f"{path}: cannot be read as an ExecuTorch program; convert the model again"
        ) from error
