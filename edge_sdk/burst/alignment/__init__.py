"""Alignment by stages: the driver that gathers pixels, adds up sums, solves and decides.

Reading order: ``stage_set`` (what runs the stages), ``levels`` and ``points`` (the reference,
prepared), ``peaks`` (whole shifts), ``samples`` and ``equations`` with ``refining`` (Gauss–Newton),
``rivals`` (which of several motions it is), ``registrar`` (the way).
"""
