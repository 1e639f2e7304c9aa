"""Stages as files of other runtimes: written, read, run, and chosen by name.

Reading order: ``packed`` (one tensor in, one out), ``graphs`` (all stages, of a fixed size),
``manifest`` (what a folder of them says of itself), ``writing``, ``running`` with ``tiling``,
``fitting`` (which network a zoom takes), ``by_name``.
"""
