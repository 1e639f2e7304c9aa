"""The lens blur of a burst, estimated from its frames.

Reading order: ``spectrum`` (power by frequency that two merged halves of the frames agree on),
``halves`` (the places that are looked at, and the halves), ``estimate`` (from power to blur).
"""
