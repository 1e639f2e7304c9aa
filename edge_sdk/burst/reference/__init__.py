"""The sharpest frame of a burst by its gradient energy."""
