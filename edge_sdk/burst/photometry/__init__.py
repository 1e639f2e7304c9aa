"""Light that differs between the frames of a burst: ``light`` measures it, ``evened`` undoes it."""
