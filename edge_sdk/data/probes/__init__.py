"""Pictures to try models on: probes, calibration, examples that dependencies ship.

Reading order: ``examples``, ``seen`` (what a model gets to see of a clean crop), ``calibration``,
``own_tensors`` (what people bring themselves), ``pictures``.
"""
