"""Checks that every conversion shares, and what targets share that refuse all.

Reading order: ``request``, ``output_shapes``, ``resize_factors``, ``unsupported``; ``waiting``.
"""
