"""Frames of a burst: where they come from, and where the result goes.

Reading order: ``source`` (where rows come from), ``spool``, ``folder`` and ``files``, ``luma``,
``cropped``, ``stretched`` and ``hot_pixels`` (sources made of others), ``sinks`` (where rows go),
``threads``.
"""
