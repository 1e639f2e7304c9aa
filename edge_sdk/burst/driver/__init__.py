"""What drives the stages: crops along the motion, sums over frames, tiles in turn.

Reading order: ``plan`` and ``stage_set`` (what is known before the first tile), ``align``,
``lighting`` (again in one light), ``common_exposure`` (without frames stops apart),
``network_choice`` (a network, or none), ``merging`` (rows of tiles in turn), ``tiles`` (one tile
of one frame), ``summing``, ``contributions`` (what each frame gave).
"""
