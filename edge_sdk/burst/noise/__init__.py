"""Noise of a burst by color and level: ``curve`` says what it is, ``gauge`` measures it."""
