"""PyTorch → ExecuTorch ``.pte`` for Android GPUs through the Vulkan delegate."""

from __future__ import annotations

from functools import cache
from typing import Any

from edge_sdk.extras import require
from edge_sdk_converters.executorch.xnnpack import ExecuTorchConverter
from edge_sdk_converters.rewrites import FIRST


class ExecuTorchVulkanConverter(ExecuTorchConverter):
    """Writes ``.pte`` files for the Vulkan delegate, ahead of time.

    ``fp16`` stores weights and computes in half precision; the app hands over and gets back
    float32. The desktop runtime has no Vulkan delegate, so that only the partitions are known here,
    not the values: the report says so.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk_converters import ExecuTorchVulkanConverter
        >>> model, picture = nn.Conv2d(3, 8, 3).eval(), torch.rand(1, 3, 16, 16)
        >>> report = ExecuTorchVulkanConverter().convert(model, picture, "conv.pte", "fp32")
        >>> report.partitions
        1
    """

    name = "executorch-vulkan"
    backend = "vulkan"
    precisions: tuple[str, ...] = ("fp32", "fp16")
    runs_here = False
    # Vulkan has a nearest-neighbor resize of its own.
    rewrites: tuple[str, ...] = (
        *FIRST,
        "product factors",
        "nearest by index",
        "pixel shuffles",
        "pads",
        "means",
        "adaptive pools",
    )
    takes_size_ranges = False
    remarks = ("not run: the desktop runtime has no Vulkan delegate; measure it on a phone",)

    def partitioner(self, precision: str) -> Any:
        """Vulkan's partitioner, set to compute in half precision for ``fp16``."""
        vulkan = require(self.extra, "executorch.backends.vulkan.partitioner.vulkan_partitioner")
        _export_patterns_once()
        return vulkan.VulkanPartitioner({"force_fp16": True} if precision == "fp16" else {})


def _export_patterns_once() -> None:
    """Keep the graphs of the patterns that Vulkan looks for, from one lowering to the next.

    ExecuTorch means to: the functions that export them have an ``lru_cache``. But it lies above
    what is registered, so every lowering exports all of them twice, most of a small network's time.
    """
    from executorch.backends.vulkan.patterns.pattern_registry import fusable_patterns

    for entry in fusable_patterns.values():
        if entry.get_graphs_fn is not None and not hasattr(entry.get_graphs_fn, "cache_info"):
            entry.get_graphs_fn = cache(entry.get_graphs_fn)
