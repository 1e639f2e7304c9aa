"""What ships, and any model by its name, its file, or the callable that makes it.

Reading order: ``catalogue`` (shipped models and their cards), ``loading`` (whatever a user names),
``networks`` (fused, for a purpose) with ``fused_form`` (what ships fused), ``python_models``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
