"""The page of a zoomed burst.

Reading order: ``evidence`` (what the page is made from), ``page``, ``charts``, ``maps``,
``provenance``.
"""
