"""ExecuTorch backends that nothing here converts for: known by name, with what they lack."""

from __future__ import annotations

import os
from typing import ClassVar

from edge_sdk_converters.checks.waiting import WaitingConverter


class VendorConverter(WaitingConverter):
    """A target that waits for its vendor's SDK; :meth:`convert` says what to get and to set."""

    format = "executorch"
    suffix = ".pte"
    extra = "executorch"
    sdk: ClassVar[str] = ""
    """Name of the SDK, and where its vendor offers it."""
    variable: ClassVar[str] = ""
    """Environment variable that points to it."""
    partitioner: ClassVar[str] = ""
    """ExecuTorch's partitioner for it."""

    def lacking(self) -> str:
        """What is missing, and what to take instead."""
        if os.environ.get(self.variable):
            return (
                f"target '{self.name}': {self.variable} is set, but this release has no tested "
                f"conversion for {self.sdk}; export by edge_sdk.exported.export and "
                f"lower it with ExecuTorch's {self.partitioner}"
            )
        return self._without_sdk()

    def _without_sdk(self) -> str:
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

    def _without_sdk(self) -> str:
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
