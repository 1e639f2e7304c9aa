"""Registration: how frames of a burst lie on each other.

Reading order: ``motion``, ``field`` and ``result`` (what is found), ``config`` and ``registrar``
(the way), ``stages`` and ``alignment`` (one motion for each frame), ``repetition`` (scenes that
repeat), ``fields`` (motion that varies over the picture), ``verdict`` (whether a frame may
contribute).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
