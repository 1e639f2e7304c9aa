"""The page of a zoomed burst.

Reading order: ``evidence`` (what the page is made from), ``page``, ``before_after``,
``effective`` (samples by place), ``repairs`` (light and damage), ``charts``, ``maps``,
``provenance``.
"""
