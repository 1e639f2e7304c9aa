"""The stages as static graphs of operators that every phone runtime takes.

Reading order: ``score`` (how sharp a frame is), ``levels``, ``expand``, ``search`` and ``align``
(how it moved), ``encode`` with ``steering``, ``agreement`` and ``noise_map`` (a frame on the fine
grid), ``blur``, ``blend`` (the sum over frames), ``decode`` (a network makes the picture) or
``restore`` (without one).
"""
