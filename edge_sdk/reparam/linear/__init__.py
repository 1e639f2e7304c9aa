"""Linear operators and the exact rules that combine them.

Reading order: ``operator`` (what one is), ``batch_norms``, ``algebra`` (the rules), ``pointwise``
and ``compact``.
"""
