"""Other vendors' neural processors that LiteRT has plugins for: known by name, with what they lack.

LiteRT's wheel holds the plugins. Their compilers come with packages ``ai-edge-litert-sdk-…`` that
download them from the vendor while they are installed, and install empty where they cannot.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import ClassVar

from edge_sdk_converters.checks.waiting import WaitingConverter


class LiteRTVendorConverter(WaitingConverter):
    """A target that waits for its vendor's compiler; :meth:`convert` says what is here of it."""

    format = "tflite"
    suffix = ".tflite"
    precisions: tuple[str, ...] = ("fp16", "int8")
    extra = "tflite"
    processor: ClassVar[str] = ""
    """Vendor's name of what it is for."""
    package: ClassVar[str] = ""
    """Package with the vendor's compiler."""
    module: ClassVar[str] = ""
    """Module that the package brings."""

    def lacking(self) -> str:
        """What is missing, and what to take instead."""
        return (
            f"target '{self.name}': {self._state()}, and this release has no tested conversion for "
            f"{self.processor}; take --target tflite for its GPU or CPU"
        )

    def _state(self) -> str:
        folders = _folders(self.module)
        if not folders:
            return f"its compiler comes with {self.package}, which is not installed"
        if not any(any(folder.rglob("*.so*")) for folder in folders):
            return f"{self.package} is installed empty, since its vendor's download failed"
        return f"{self.package} is installed"


def _folders(module: str) -> list[Path]:
    found = importlib.util.find_spec(module)
    places = None if found is None else found.submodule_search_locations
    return [Path(place) for place in places or ()]


class LiteRTMediaTekConverter(LiteRTVendorConverter):
    """MediaTek's NPU, through LiteRT.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import find_converter
        >>> waiting = find_converter("litert-mediatek")
        >>> waiting.convert(nn.ReLU(), torch.rand(1, 3, 16, 16), "relu.tflite", "fp16")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.MissingExtraError: target 'litert-mediatek': ...
    """

    name = "litert-mediatek"
    backend = "mediatek"
    processor = "MediaTek's NPU"
    package = "ai-edge-litert-sdk-mediatek"
    module = "ai_edge_litert_sdk_mediatek"


class LiteRTTensorConverter(LiteRTVendorConverter):
    """Google's Tensor TPU, through LiteRT."""

    name = "litert-tensor"
    backend = "google-tensor"
    processor = "Google's Tensor TPU"
    package = "ai-edge-litert-sdk-google-tensor"
    module = "ai_edge_litert_sdk_google_tensor"


class LiteRTSamsungConverter(LiteRTVendorConverter):
    """Samsung's Exynos NPU, through LiteRT."""

    name = "litert-samsung"
    backend = "samsung"
    processor = "Samsung's Exynos NPU"
    package = "ai-edge-litert-sdk-samsung-nightly"
    module = "ai_edge_litert_sdk_samsung"


class LiteRTIntelConverter(LiteRTVendorConverter):
    """Intel's NPU, through LiteRT and OpenVINO."""

    name = "litert-intel"
    backend = "openvino"
    processor = "Intel's NPU"
    package = "ai-edge-litert-sdk-intel"
    module = "ai_edge_litert_sdk_intel"
