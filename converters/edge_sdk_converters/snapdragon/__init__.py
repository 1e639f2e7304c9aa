"""PyTorch → ``.tflite`` compiled ahead of time for the neural processor of a Snapdragon.

Reading order: ``converter``, ``compiler`` (Qualcomm's, as LiteRT's plugin drives it), ``stub`` (a
library that the plugin asks for and never calls).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
