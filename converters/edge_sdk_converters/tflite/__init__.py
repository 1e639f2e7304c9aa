"""PyTorch → TFLite by an own lowering: channels last throughout, not one transpose."""

from edge_sdk_converters.tflite.converter import TFLiteConverter

__all__ = ["TFLiteConverter"]
