"""Light that differs between the frames of a burst: ``light`` measures it, ``evened`` undoes it.

Frames of quite another ``exposure`` are found, and left out.
"""
