"""Exact rewrites of an exported program, chosen by each target, proved equal on probes.

A rewrite takes a program and returns one that computes the same, with a sentence for each thing it
changed. :func:`apply` runs those that a target names and compares the results before any of them
reaches a file.

Reading order: ``applying`` (in turn, each proved), ``graph_edit``, then the rewrites by subject:
``no_ops``, ``constants``, ``written_slices``, ``window_formulas``, ``formulas``,
``decompositions``, ``moves``, ``delegable``, ``written_out``, ``attention``, ``coreml_means``,
``pool_means``, ``resize_matrices``, ``nearest``, ``folds``, ``products``, ``pads``,
``core_formulas``.
"""

from edge_sdk_converters.rewrites.applying import REWRITES, apply

__all__ = ["FIRST", "ML_PROGRAM", "REWRITES", "apply"]

FIRST = ("no-ops", "constants", "written slices")
"""What every target begins with."""

ML_PROGRAM = (
    *FIRST,
    "crops",
    "circles",
    "resizes",
    "folds",
    "product factors",
    "nearest by index",
    "rms norms",
    "alphas",
    "ceil means",
    "running sums",
    "thresholds",
    "scalars of where",
    "reciprocal",
    "tanh gelu",
    "pool strides",
    "transposed paddings",
    "pixel shuffles",
    "channel shuffles written out",
    "pads",
)
"""What Core ML's programs need, in packages of their own and inside ExecuTorch's files."""
