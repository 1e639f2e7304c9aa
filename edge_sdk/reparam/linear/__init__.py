"""Linear operators and the exact rules that combine them."""
