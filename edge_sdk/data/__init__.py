"""Data: the simulated camera, degraded pictures, probes for models, and samples to train on.

Reading order: ``camera/config`` and ``camera/simulation`` (a burst with its truth), then what they
are made of: ``camera/hand_motion``, ``camera/scene_layers``, ``camera/sensor_noise``,
``camera/developing``. ``degradation/`` makes single pictures worse, ``probes/`` holds inputs to
measure models by, ``samples/patches`` and its neighbors what networks train on.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
