"""Quality on folders of pictures by the protocol of the super-resolution and denoising papers.

Reading order: ``protocol`` (degradation and score of one picture), ``table`` (methods by folders),
``bursts`` and ``burst_baselines`` (a zoomed burst against its truth), ``classes`` (what is taken
for what), ``recognizing`` (that table for models and files) and ``quality`` (scores of quality
against those that are known).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
