"""Runtimes behind one interface, and the parity of an artifact with its model."""
