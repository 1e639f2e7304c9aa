"""Targets of ExecuTorch, one backend a file.

Reading order: ``xnnpack`` (the CPU, and what the others share), ``vulkan``, ``coreml``,
``float_scalars``, ``provenance``, ``composites``, ``ethos`` (a size guide), ``vendor`` (targets
that wait for a vendor's SDK).
"""
