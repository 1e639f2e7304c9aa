"""Run Core ML programs on any machine: load an ML program, evaluate each operation with PyTorch."""

from edge_sdk.emulate.mil.interpreter import run_program
from edge_sdk.emulate.mil.program import Operation, Program, load_program

__all__ = ["Operation", "Program", "load_program", "run_program"]
