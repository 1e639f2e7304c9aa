"""Data: the simulated camera and training patches."""
