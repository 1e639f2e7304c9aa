"""Noise of a burst by color and level: measured, given by a file, or stated by raw files.

Reading order: ``curve`` (what it is), ``tiles`` and ``gauge`` (measured between frames), ``file``
(as JSON), ``profile`` with ``picture_levels`` (NoiseProfile of DNGs), ``settling`` (which holds).
"""
