"""The stages as static graphs of operators that every phone runtime takes.

Reading order: ``encode`` with ``steering``, ``blur`` and ``agreement`` (a frame on the fine grid),
``blend`` (the sum over frames), ``decode`` (a network makes the picture) or ``restore`` (without
one).
"""
