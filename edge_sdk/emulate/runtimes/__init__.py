"""One runner per runtime, and the table of their names.

Reading order: ``runner`` (the one interface), ``names``, ``evidence`` and ``opening``, ``eager``
(the simplest), ``litert``, ``executorch``, ``coreml``; ``tensors`` (ends of a file),
``litert_gpu``, ``vulkan``; ``child``, ``serving`` and ``served`` (a runtime in a process of its
own) with ``coreai`` and ``coreai_process``, ``qnn_htp`` and ``qnn_htp_process`` (an emulator of a
chip).
"""
