"""One scene's far and near shots as one sample.

Reading order: ``coupling`` (the order of the steps); then the steps: ``standard``, ``matching``,
``geometry``, ``frames``, ``refining``, ``placing``, ``sharpness``, ``color``, ``ghosts``,
``quality``.
"""
