"""Converters from PyTorch to ExecuTorch, Core ML and TFLite, one target a class.

:func:`edge_sdk.find_converter` finds them by name; each imports its target's packages when it
converts. Reading order: ``checks/request`` (what every converter refuses), ``executorch/xnnpack``
(the plainest), ``rewrites/applying`` (changes that some targets need, proved exact), ``coreml``,
``coreai/converter``, ``tflite/converter`` with ``tflite/lowering`` (graph to file, operator by
operator), ``snapdragon`` (what another target writes, compiled for a chip).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
