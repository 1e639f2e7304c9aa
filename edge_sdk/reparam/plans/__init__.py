"""Which branches are merged, in which groups, and what each is worth.

Reading order: ``rules`` (which branches, and which with which), ``plan`` (what merges in a block),
``text`` (a plan as one line), ``partial`` (carried out and proved), ``cost`` (which set is best).
"""
