"""edge-sdk: image-enhancement models for phones, from training to a burst zoom that runs them.

What the package offers is listed here and stays as it is; each name is imported when it is first
used, so that ``import edge_sdk`` alone costs nothing.

Reading order: :mod:`edge_sdk.models` (a network), :mod:`edge_sdk.reparam` (its branches merged),
:mod:`edge_sdk.targets` and :mod:`edge_sdk.deploy` (a file for a phone, and whether it computes the
same), :mod:`edge_sdk.burst` (many frames become one picture); :mod:`edge_sdk.cli` shows how little
is left to a command.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
