"""Registration: how frames of a burst lie on each other.

Reading order: ``motion``, ``field`` and ``result`` (what is found), ``registrar`` (the way),
``pyramid`` and ``gauss_newton`` (how a frame's motion is found), ``global_motion``, ``repetition``
with ``self_similarity``, ``rivals`` and ``landmarks`` (scenes that repeat), ``tile_field`` with
``tile_evidence`` and ``tile_grid`` (motion that varies over the picture), ``field_choice``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
