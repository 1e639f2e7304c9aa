"""The runtimes' own ARM builds on an emulated ARM core, for LiteRT and ExecuTorch files.

Reading order: ``environment`` (what is needed, and where it lies), ``setting_up`` (how it comes
there), ``running`` (a file on that core, one process for each), ``litert_guest`` and
its sibling in C++ (the programs that run there).
"""
