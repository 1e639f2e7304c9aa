"""Cameras to measure burst zoom with: ``camera`` takes bursts, ``cells`` lists cameras."""
