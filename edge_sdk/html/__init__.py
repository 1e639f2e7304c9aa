"""What every report is made of: page, markup, style, charts and pictures.

Reading order: ``markup`` (elements that are escaped), ``page`` (sections become a page),
``templates`` (what the page and its parts look like), then ``charts``, ``pictures`` and ``slider``
(what sections hold), ``palette``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
