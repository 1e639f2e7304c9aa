"""One run: assembled, resumed, averaged, drawn; and several in turn."""
