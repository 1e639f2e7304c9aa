"""Targets of ExecuTorch, one backend a file."""
