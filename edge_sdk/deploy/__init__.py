"""What one does to a model by name: convert, verify, enhance pictures, quantize, lint.

Reading order: ``preparation`` (fused and in int8 codes, as a precision asks), ``conversion`` (the
whole way to a file), ``self_check`` (whether that computes the same, before anybody gets it) with
``layer_differences`` and ``intermediate`` (where it does not), ``verification`` with ``parity``
(whether files compute the same), ``files_to_verify``, ``other_cpus``; ``all_targets`` (every file
of a model), ``enhancement`` (pictures through a model), ``scoring`` (how
good pictures are), ``quantize``, ``lint``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
