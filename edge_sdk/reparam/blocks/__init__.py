"""Multi-branch blocks: their branches, presets, and the composed kernel.

Reading order: ``configs`` (what a branch is), ``branches``, ``block`` (their sum),
``standardized`` (in coordinates of its own), ``presets``, ``collapse`` (training on the merged
kernel).
"""
