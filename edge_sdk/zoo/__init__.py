"""What ships, and any model by its name, its file, or the callable that makes it.

Reading order: ``catalogue`` (shipped models and their cards), ``fused_form`` (their merged weights,
with the proof), ``loading`` (whatever a user names), ``networks`` (merged, for a purpose),
``python_models``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
