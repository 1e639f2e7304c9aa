"""Training: recipes and the runs they describe.

Reading order: ``recipe/config`` and ``recipe/sections`` (what a run is), ``recipe/tasks`` (the
table of tasks), ``tasks/pictures`` (what a step learns from), ``phases`` (what blocks do at a
step), ``batch_norm_penalty`` (what a loss may hold besides), ``inputs/loaders``, ``run/module``
(the steps), ``run/running`` (the run put together), ``run/schedule`` (several in turn).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
