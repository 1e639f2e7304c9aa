"""Reparameterization: multi-branch blocks for training, exact merging for deployment.

Reading order: ``linear/operator`` and ``linear/algebra`` (what merging is), ``blocks/configs`` and
``blocks/block`` (a block and its branches), ``fusing`` (a whole model in one call), ``graph/``
(linear regions of any model), ``plans/plan`` (merging in part), ``proof/certificate`` (why the
result may be trusted), ``skips/folding``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
