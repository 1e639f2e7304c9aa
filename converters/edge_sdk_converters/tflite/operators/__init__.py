"""Lowerings of operators, one subject a file; every file here is found by itself."""
