"""Frames of a burst: where they come from, and where the result goes.

Reading order: ``source`` (where rows come from), ``folder`` and ``files``, ``luma``, ``stretched``
and ``hot_pixels`` (sources that mend others), ``sinks`` (where rows go), ``threads``.
"""
