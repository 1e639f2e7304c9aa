"""PyTorch → TFLite by an own lowering: channels last, a transpose only where nobody absorbs it.

Reading order: ``converter`` (the way), ``lowering`` (the graph, node by node), ``registry`` (how a
lowering of an operator is found), one of ``operators/``, ``channel_plan``, ``layout``,
``flatbuffer``, ``quantization`` and ``integer_check`` (int8), ``fallback`` (another converter).
"""

from edge_sdk_converters.tflite.converter import TFLiteConverter

__all__ = ["TFLiteConverter"]
