"""Proof that a fused model equals its original, and what was saved."""
