"""Stages as files of other runtimes: written, read, run, and chosen by name.

Reading order: ``manifest`` (what a folder of stages says of itself), ``writing``, ``running``,
``packed`` (frames side by side in one call), ``fitting`` (which network a zoom takes), ``by_name``.
"""
