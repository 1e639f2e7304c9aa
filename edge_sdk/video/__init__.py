"""Clips: read, enhanced or zoomed frame by frame, and written, as planes wherever that can be.

Reading order: ``form`` (what all frames of a clip are), ``clip`` (what gives and takes frames),
``y4m`` with ``y4m_header``, ``raw`` and ``container`` (kinds of clips), ``chroma`` and ``color``
(planes and colors), ``opening`` and ``destination`` (clips by name), ``making`` (one clip of
another), ``enhancing`` and ``window_zoom`` (what is done to frames), ``flicker`` (what became of
their steadiness).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
