"""Runtimes behind one interface, and the parity of an artifact with its model.

Reading order: ``runtimes/runner`` (what every runtime can do), ``runtimes/opening``, one runtime,
such as ``runtimes/litert``; ``parity/gates`` and ``parity/chain`` (a model's way to the phone, in
dB); ``mil/interpreter`` (Core ML programs on any machine); ``arm64/running`` (files on an emulated
ARM core); ``whole_pictures`` (files of a fixed size on pictures of any); ``bench/rounds`` (time and
memory).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
