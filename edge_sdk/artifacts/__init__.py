"""Files of other runtimes: what they hold, whether they are whole, and their int8 codes.

Reading order: ``seal`` (how a damaged file is found before a runtime loads it), ``flatbuffer``
(tables of any such file), then a format at a time: ``pte``, ``tflite``, ``dispatch`` (TFLite
compiled for a neural processor), ``coreml`` with ``package_folder``, ``aimodel``. ``codes/layers``
says what an int8 layer is in every format, ``codes/reading`` finds the reader of a file.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
