"""The simulated camera: scenes, hands, lenses, sensors, and developing.

Reading order: ``config``, ``simulation`` (the whole camera), ``hand_motion``, ``scene_layers`` with
``occluders``, ``light_changes``, ``reduction``, ``sensor_noise`` and ``bayer``, ``developing``;
``photograph`` and ``files`` (a burst on disk); ``far_near`` (two distances, for pairs).
"""
