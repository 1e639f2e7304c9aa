"""Light that differs between the frames of a burst: ``light`` measures it.

``evened`` undoes it where whole frames are compared, as stage ``encode`` does in the merge. Frames
of quite another ``exposure`` are found, and left out.
"""
