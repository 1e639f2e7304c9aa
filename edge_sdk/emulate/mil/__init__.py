"""Run Core ML programs on any machine: load an ML program, evaluate each operation with PyTorch.

Reading order: ``program`` (what a package holds), ``interpreter`` (values in the order of the
operations), ``registry`` and ``arguments`` (how a handler is found and called), one of
``operators/``, ``declared`` (operations that a package of ours may hold).
"""

from edge_sdk.emulate.mil.interpreter import run_program
from edge_sdk.emulate.mil.program import Operation, Program, load_program

__all__ = ["Operation", "Program", "load_program", "run_program"]
