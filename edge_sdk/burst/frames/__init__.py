"""Frames of a burst: where they come from, and where the result goes.

Reading order: ``source`` (where rows come from), ``files``, ``luma``, ``sinks`` (where rows go),
``threads``.
"""
