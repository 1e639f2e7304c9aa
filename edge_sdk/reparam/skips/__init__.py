"""Skips from the input, folded into the last convolution."""
