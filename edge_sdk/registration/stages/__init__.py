"""Stages of alignment: static graphs of the operators that phones run.

Reading order: ``levels`` (what frames are compared on), ``search`` (whole shifts), ``expand`` and
``align`` (Gauss–Newton's sums), ``stage_set`` (what runs them).
"""
