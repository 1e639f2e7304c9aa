"""A set of samples on disk: built, read, looked at, cut for training.

Reading order: ``building`` (scene by scene), ``scenes``, ``folder`` and ``record`` (what is on
disk), ``reading``, ``crops``, ``sheet``.
"""
