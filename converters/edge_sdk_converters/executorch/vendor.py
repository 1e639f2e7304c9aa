"""ExecuTorch backends that nothing here converts for: known by name, with what they lack."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edge_sdk.errors import MissingExtraError
from edge_sdk_converters.checks.request import check_request

if TYPE_CHECKING:
    from torch import nn

    from edge_sdk.exported import Example
    from edge_sdk.targets import LoweringReport


class VendorConverter:
    """A target that waits for its vendor's SDK; :meth:`convert` says what to get and to set."""

    name = ""
    format = "executorch"
    backend = ""
    suffix = ".pte"
    precisions: tuple[str, ...] = ("fp16",)
    extra = "executorch"
    runs_here = False
    sdk: ClassVar[str] = ""
    """Name of the SDK, and where its vendor offers it."""
    variable: ClassVar[str] = ""
    """Environment variable that points to it."""
    partitioner: ClassVar[str] = ""
    """ExecuTorch's partitioner for it."""

    def convert(
        self, model: nn.Module, example: Example, path: Path, precision: str = "fp16"
    ) -> LoweringReport:
        """Refuse, and say what is missing.

        Raises:
            InputError: if the precision or the suffix is not this target's.
            OutputError: if ``path`` cannot be written.
            MissingExtraError: always otherwise; it says what is missing, or what to take instead.
        """
        check_request(self.name, self.suffix, self.precisions, Path(path), precision)
        if os.environ.get(self.variable):
            raise MissingExtraError(
                f"target '{self.name}': {self.variable} is set, but this release has no tested "
                f"conversion for {self.sdk}; export by edge_sdk.exported.export and "
                f"lower it with ExecuTorch's {self.partitioner}"
            )
        raise MissingExtraError(self._lacking())

    def _lacking(self) -> str:
        return (
            f"target '{self.name}' needs {self.sdk}, which no package index carries; install it "
            f"and set {self.variable}, or choose --target executorch-vulkan for the GPU"
        )


class QNNConverter(VendorConverter):
    """Qualcomm's Hexagon NPU; target ``snapdragon`` makes files for the same processor.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import QNNConverter
        >>> QNNConverter().convert(nn.ReLU(), torch.rand(1, 3, 16, 16), "relu.pte", "fp16")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.MissingExtraError: target 'executorch-qnn': Qualcomm's compiler ...
    """

    name = "executorch-qnn"
    backend = "qnn"
    sdk = "Qualcomm's AI Engine Direct SDK (QNN)"
    variable = "QNN_SDK_ROOT"
    partitioner = "QnnPartitioner"

    def _lacking(self) -> str:
        return (
            f"target '{self.name}': Qualcomm's compiler can be had (pip install onnxruntime-qnn), "
            "but ExecuTorch's wheel calls it by the interface of another release; take --target "
            "snapdragon for the same NPU"
        )


class MediaTekConverter(VendorConverter):
    """MediaTek's NPU.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import MediaTekConverter
        >>> MediaTekConverter().convert(nn.ReLU(), torch.rand(1, 3, 16, 16), "relu.pte", "fp16")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.MissingExtraError: target 'executorch-mediatek' needs MediaTek's ...
    """

    name = "executorch-mediatek"
    backend = "mediatek"
    sdk = "MediaTek's NeuroPilot Express SDK (wheels mtk_converter and mtk_neuron)"
    variable = "NEURON_BUFFER_ALLOCATOR_LIB"
    partitioner = "NeuropilotPartitioner"
