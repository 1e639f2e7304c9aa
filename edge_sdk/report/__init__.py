"""Reports: self-contained HTML pages with pictures of what was measured.

Reading order: ``kinds`` (the table of them), ``bundle`` (the shortest), ``parity``,
``fusion/page``, ``zoom/evidence`` and ``zoom/page``; what all are made of is :mod:`edge_sdk.html`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
