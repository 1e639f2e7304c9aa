"""Motion that varies over the picture: offsets of tiles on top of a frame's motion.

Plain tensor arithmetic on the processor, no stages: a driver without it has one motion a frame and
trusts it everywhere; what moved otherwise is left to the agreement that ``encode`` asks for.
Reading order: ``grid``, ``evidence`` (what tiles say), ``tile_offsets``, ``choice``, ``finder``.
"""
