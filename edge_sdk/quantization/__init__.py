"""Quantization: what a model will lose in int8 and where, and the int8 model itself.

Reading order: ``scheme`` (scales and zero points of a model), ``quantizer`` and ``observers`` (how
one is chosen), ``value_graph`` and ``insertion`` (where codes go in a graph), ``calibrate``,
``post_training`` (all of it in one call), ``sensitivity`` (what losses cost), ``fake_codes``,
``input_moments``, ``rounding`` and ``tuning`` (weights that suit their codes),
``ranges`` (losses foretold, before anything is merged).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
