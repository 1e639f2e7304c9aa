"""The stages as static graphs of operators that every phone runtime takes.

How a frame moved is asked by those of :mod:`edge_sdk.registration.stages`. Reading order: ``score``
(how sharp a frame is), ``frame_stages`` (it and those), ``encode`` with ``steering``, ``agreement``
and ``noise_map`` (a frame on the fine grid), ``blur``, ``blend`` (the sum over frames), ``decode``
(a network makes the picture) or ``restore`` (without one).
"""
