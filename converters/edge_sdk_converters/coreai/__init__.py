"""PyTorch → Apple's Core AI, by Apple's own converter.

``converter`` (from export to the sealed folder), ``codes`` (int8), ``halves`` (fp16).
"""
