"""What drives the stages: crops along the motion, sums over frames, tiles in turn."""
