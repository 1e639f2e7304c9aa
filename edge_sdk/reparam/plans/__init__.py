"""Which branches are merged, in which groups, and what each is worth.

Reading order: ``plan`` (what merges in a block), ``selection`` and ``grouping`` (its two halves),
``text`` (both as one line), ``partial`` (carried out and proved), ``cost`` (which set is best).
"""
