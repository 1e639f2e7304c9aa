"""Training sets from far and near shots of the same scenes.

Reading order: ``config``, ``couple/coupling`` (one scene, step by step; its neighbors are the
steps), ``dataset/building`` (many scenes as a folder), ``dataset/reading`` and ``dataset/crops``
(what training takes from it).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
