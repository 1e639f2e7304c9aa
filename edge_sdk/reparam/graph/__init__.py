"""Any model as a graph, and the linear regions in it that become one layer.

Reading order: ``fusion`` (the way through all of them), ``tracing`` with ``tracer``,
``linear_nodes`` and ``linear_functions`` (what a node computes), ``regions``, ``region_cuts`` with
``region_costs``, ``replacement``, ``norms``, ``branch_sums``; for norms on residual streams
``pre_activation``, ``stream_shifts``, and what they know of steps (``channel_passing``) and layers
(``channel_changes``, ``layer_graph``); the rest are cases: ``in_place``, ``written_borders``,
``unknown_operators``.
"""
