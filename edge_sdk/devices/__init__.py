"""What phones have room for: a profile for each class of them, and what a zoom or bundle needs.

Reading order: ``profile`` (what is known of a class of phones, and a few that ship), ``estimate``
(memory of a zoom), ``self_test`` (what a phone wrote),
``snapdragon`` (chips that files are compiled for).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
