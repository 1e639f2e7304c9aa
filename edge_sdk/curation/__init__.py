"""Which pictures of a collection are kept, and why the others are left out.

Reading order: ``criteria`` (one a file; ``criteria/criterion`` says what one is), ``config``,
``gathering``, ``opened``, ``measuring``, ``ray_job`` with ``ray_cluster``, ``journal``,
``verdicts``, ``output``, ``sheet``, and ``curating``, which goes through them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
