"""Burst zoom: many hand-held frames become one larger, cleaner picture.

Reading order: ``config`` and ``result`` (what goes in and comes out), ``pipeline`` (the whole way
on one page) and ``preparing``, then along it: ``frames/source``, ``reference/choice``,
``driver/align``, ``photometry/light`` (frames in one light), ``noise/gauge``, ``driver/merging``
with ``driver/tiles``, and ``stages/encode``, ``stages/blend`` and ``stages/decode``, which compute
every pixel. ``effective_frames`` and ``gain`` say what it brought. ``converted/`` runs the same
stages as files of a phone's runtimes, ``inputs/`` makes of bursts what networks train on,
``folders/`` finds bursts among the pictures of a camera.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
