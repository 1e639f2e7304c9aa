"""One runner per runtime, and the table of their names.

Reading order: ``runner`` (the one interface), ``names`` and ``opening``, ``eager`` (the simplest),
``litert``, ``executorch``, ``coreml``; ``tensors`` (ends of a file), ``litert_gpu``, ``vulkan``;
``coreai`` with ``coreai_process`` (a runtime in a process of its own).
"""
