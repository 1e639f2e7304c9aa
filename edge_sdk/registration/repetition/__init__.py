"""Scenes that repeat: which of the places at which a frame fits is its own, if any.

Reading order: ``self_similarity`` (whether a reference repeats), ``rivals`` with ``block_samples``
(where it tells a motion from the same motion a period further), ``landmarks`` (what it shows only
once), ``gauss_newton`` (motions from there), ``repetition`` (the decision).
"""
