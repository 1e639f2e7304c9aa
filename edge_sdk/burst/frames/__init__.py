"""Frames of a burst: where they come from, and where the result goes."""
