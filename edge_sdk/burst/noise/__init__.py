"""Noise of a burst by color and level.

Reading order: ``curve`` (what it is), ``gauge`` (measured between frames), ``file`` (given as
JSON), ``profile`` (stated by a DNG), ``picture_levels`` and ``settling`` (which of them holds).
"""
