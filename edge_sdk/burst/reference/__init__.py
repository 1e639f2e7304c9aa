"""The sharpest frame of a burst by its gradient energy.

Reading order: ``scoring`` (frame by frame), ``choice``, ``gradient_energy``, ``lost_parts`` (what a
frame does not show), ``noise``.
"""
