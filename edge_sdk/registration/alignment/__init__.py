"""The driver of the stages: it gathers pixels, adds up sums, solves small systems and decides.

Reading order: ``levels`` and ``points`` (the reference, prepared), ``peaks`` (whole shifts),
``samples`` and ``equations`` with ``refining`` (Gauss–Newton), ``rivals`` (which of several motions
it is), ``stretch`` (for half precision), ``global_motion`` (the way).
"""
