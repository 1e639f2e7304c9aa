"""One runner per runtime, and the table of their names.

Reading order: ``runner`` (the one interface), ``names``, ``evidence`` and ``opening``, ``eager``
(the simplest), ``litert``, ``executorch``, ``coreml``; ``tensors`` (ends of a file),
``litert_gpu``, ``vulkan``; ``child`` with ``coreai`` and ``coreai_process`` (a runtime in a process
of its own), ``qnn_htp`` (an emulator of a chip).
"""
